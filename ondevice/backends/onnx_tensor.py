"""Whether a tensor of an ONNX file has the bytes that its shape and type ask for."""

from __future__ import annotations

import math
import mmap
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ondevice.backends.protobuf import (
    BYTES,
    FIXED_32,
    FIXED_64,
    VARINT,
    MalformedError,
    count_varints,
    fields,
    text,
    varints,
)

_MOST_ELEMENTS = 2**48
_STRING = 8
# TensorProto.DataType: bits of an element in raw_data or in another file.
_BITS = {
    1: 32, 2: 8, 3: 8, 4: 16, 5: 16, 6: 32, 7: 64, 9: 8, 10: 16, 11: 64, 12: 32, 13: 64, 14: 64,
    15: 128, 16: 16, 17: 8, 18: 8, 19: 8, 20: 8, 21: 4, 22: 4, 23: 4, 24: 8, 25: 2, 26: 2,
}  # fmt: skip
_COMPLEX = (14, 15)
_PACKED_4, _PACKED_2 = (21, 22, 23), (25, 26)
# The fields that hold values, with their kind where they are not packed and the bytes of one.
_TYPED = {4: (FIXED_32, 4), 5: (VARINT, 0), 7: (VARINT, 0), 10: (FIXED_64, 8), 11: (VARINT, 0)}
_TEXTS, _NAME, _RAW, _EXTERNAL, _PLACE = 6, 8, 9, 13, 14


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor's name, the bytes of its elements, and where these are if not in the file."""

    name: str
    bytes: int
    external: dict[str, str] | None


def check_tensor(data: mmap.mmap, start: int, end: int) -> Tensor:
    """Return what the ``TensorProto`` between two places is about.

    Raises ``MalformedError`` where its values are more or fewer than its shape says.
    """
    shape: list[int] = []
    held: Counter[int] = Counter()
    kind_of_data, name, external = 0, "", dict[str, str]()
    is_external = False
    for number, kind, value, stop in fields(data, start, end):
        if number == 1:
            shape += [value] if kind == VARINT else varints(data, value, stop)
        elif number == 2 and kind == VARINT:
            kind_of_data = value
        elif number == _NAME and kind == BYTES:
            name = text(data, value, stop)
        elif number == _RAW and kind == BYTES:
            held[_RAW] += stop - value
        elif number == _EXTERNAL and kind == BYTES:
            key, entry = _pair(data, value, stop)
            if key in external:
                raise MalformedError(f"tensor {name!r} says twice what its {key!r} is")
            external[key] = entry
        elif number == _PLACE and kind == VARINT:
            is_external = value == 1
        elif number in _TYPED or number == _TEXTS:
            held[number] += _count(data, number, kind, value, stop)
    elements = math.prod(shape)
    # A negative dimension is a number of ten bytes, above all that is possible.
    if len(shape) > 64 or any(size > _MOST_ELEMENTS for size in shape) or elements > _MOST_ELEMENTS:
        raise MalformedError(f"tensor {name!r} has the shape {shape[:8]}")
    if kind_of_data not in _BITS and kind_of_data != _STRING:
        raise MalformedError(f"tensor {name!r} is of type {kind_of_data}, which is not known")
    size = -(-elements * _BITS.get(kind_of_data, 0) // 8)
    if is_external or external:
        if held or not is_external or kind_of_data == _STRING:
            raise MalformedError(f"tensor {name!r} has its data in two places")
        return Tensor(name, size, external)
    _check_held(name, kind_of_data, elements, size, held)
    return Tensor(name, size, None)


def external_bytes(tensor: Tensor, folder: Path) -> int:
    """Return how many bytes a tensor takes from a file in ``folder``.

    Raises ``MalformedError`` where that is none, lies elsewhere, or does not reach so far.
    """
    entries = tensor.external or {}
    place = entries.get("location", "")
    file = _inside(tensor.name, place, folder)
    numbers = [entries.get(key, default) for key, default in (("offset", "0"), ("length", ""))]
    offset, length = (
        int(n) if n.isascii() and n.isdigit() and len(n) < 19 else -1 for n in numbers
    )
    if offset < 0 or (length != tensor.bytes and "length" in entries):
        raise MalformedError(
            f"tensor {tensor.name!r} takes {numbers[1] or 'all'} bytes at {numbers[0]} of "
            f"{place!r}, not the {tensor.bytes:,} that its shape asks for"
        )
    if offset + tensor.bytes > file.stat().st_size:
        raise MalformedError(f"tensor {tensor.name!r} ends beyond the end of {place!r}")
    return tensor.bytes


def _inside(name: str, place: str, folder: Path) -> Path:
    """Return the file at ``place``, which neither path nor link may take out of the folder."""
    pure = PurePosixPath(place)
    # Backslashes and colons would mean something else on Windows.
    if not place or pure.is_absolute() or ".." in pure.parts or set(place) & set("\\:\0"):
        raise MalformedError(f"tensor {name!r} has its data at {place!r}, not within the folder")
    try:
        file = (folder / place).resolve(strict=True)
    except (OSError, RuntimeError):
        raise MalformedError(f"{place!r}, which holds tensor {name!r}, is missing") from None
    if not file.is_relative_to(folder.resolve()) or not file.is_file():
        raise MalformedError(f"{place!r}, which holds tensor {name!r}, is no file of the folder")
    return file


def _count(data: mmap.mmap, number: int, kind: int, value: int, stop: int) -> int:
    """Return how many values a field holds, whether it is packed or not."""
    if number == _TEXTS:
        return 1
    single, size = _TYPED[number]
    if kind == single:
        return 1
    if kind != BYTES:
        raise MalformedError(f"a tensor's values before byte {stop:,} are of the wrong kind")
    return (stop - value) // size if size else count_varints(data, value, stop)


def _check_held(name: str, kind: int, elements: int, size: int, held: Counter[int]) -> None:
    expected = elements
    if _RAW in held and kind != _STRING:
        expected = size
    elif kind in _COMPLEX:
        expected = 2 * elements
    elif kind in _PACKED_4 or kind in _PACKED_2:
        expected = size
    found = held.total()
    if len(held) > 1 or found != expected or (kind == _STRING and held.keys() - {_TEXTS}):
        raise MalformedError(
            f"tensor {name!r} holds {found:,} values or bytes instead of {expected:,}"
        )


def _pair(data: mmap.mmap, start: int, end: int) -> tuple[str, str]:
    found = {
        number: text(data, v, stop)
        for number, kind, v, stop in fields(data, start, end)
        if kind == BYTES
    }
    return found.get(1, ""), found.get(2, "")
