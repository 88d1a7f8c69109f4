"""The bytes of a GGUF file as values, none of them read beyond its end or believed too large."""

from __future__ import annotations

import math
import mmap
import struct
from dataclasses import dataclass
from typing import Any

MOST_DIMENSIONS = 4
MOST_NAME_BYTES = 63
"""What ggml has room for (GGML_MAX_DIMS, and GGML_MAX_NAME without its end)."""
_MOST_ELEMENTS = 2**62
# GGUF's number for a type -> how struct reads it.
_SCALARS = {
    kind: struct.Struct(f"<{code}")
    for kind, code in zip([*range(8), 10, 11, 12], "BbHhIifBQqd", strict=True)
}
_BOOL, _STRING, _ARRAY = 7, 8, 9
_U32, _U64 = _SCALARS[4], _SCALARS[10]
_SMALLEST_ENTRY = 13
"""Bytes of a key, a type and a value; what an entry of the table takes at least."""
_SMALLEST_TENSOR = 32
# ggml type: (elements in a block, bytes of a block); the numbers left out are no longer in use.
BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34),
    9: (32, 40), 10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210),
    15: (256, 292), 16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18),
    21: (256, 110), 22: (256, 82), 23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8),
    28: (1, 8), 29: (256, 56), 30: (1, 2), 34: (256, 54), 35: (256, 66), 39: (32, 17),
    40: (64, 36), 41: (128, 18),
}  # fmt: skip


class DamageError(ValueError):
    """What is wrong with a file, in words that follow its path."""


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """A tensor's elements, and where it lies: ``offset`` and ``bytes`` within the data section."""

    name: str
    elements: int
    offset: int
    bytes: int


class Reader:
    """Reads little-endian values one after the other; ``DamageError`` for what cannot be one."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self._size = len(data)
        self.position = 0

    def number(self, kind: struct.Struct) -> Any:
        """Return the next number of a kind."""
        start = self.position
        self.position = start + kind.size
        if self.position > self._size:
            raise DamageError("its header goes beyond its end")
        return kind.unpack_from(self._data, start)[0]

    def version(self) -> int:
        """Return the version, which follows the magic number."""
        self.position = 4
        return int(self.number(_U32))

    def counts(self) -> tuple[int, int]:
        """Return how many tensors and entries of metadata there are."""
        tensors, entries = self.number(_U64), self.number(_U64)
        left = self._size - self.position
        if tensors * _SMALLEST_TENSOR + entries * _SMALLEST_ENTRY > left:
            raise DamageError(
                f"it announces {tensors:,} tensors and {entries:,} entries, for which its "
                f"{self._size:,} bytes are too few"
            )
        return tensors, entries

    def string(self) -> str:
        """Return the next string; bytes that are no UTF-8 become surrogates."""
        size = self.number(_U64)
        start = self.position
        self.position = start + size
        if self.position > self._size:
            raise DamageError(f"a string of {size:,} bytes goes beyond its end")
        return self._data[start : self.position].decode("utf-8", "surrogateescape")

    def entry(self) -> tuple[str, Any]:
        """Return the next entry of metadata: a scalar, a string, a list of strings; of other
        arrays only the ``range`` of their length."""
        key = self.string()
        kind = self.number(_U32)
        if not key:
            raise DamageError("an entry of its metadata has no name")
        if kind == _STRING:
            return key, self.string()
        if kind == _ARRAY:
            return key, self._array(key)
        value = self.number(_scalar(kind, key))
        if kind == _BOOL:
            if value > 1:
                raise DamageError(f"{key!r} is neither true nor false")
            value = bool(value)
        return key, value

    def _array(self, key: str) -> Any:
        kind, count = self.number(_U32), self.number(_U64)
        size = _U64.size if kind == _STRING else _scalar(kind, key).size
        if count * size > self._size - self.position:
            raise DamageError(f"{key!r} announces {count:,} items, more than there is room for")
        if kind == _STRING:
            return [self.string() for _ in range(count)]
        self.position += count * size
        return range(count)

    def tensor(self) -> TensorEntry:
        """Return the next entry of the table of tensors."""
        name = self.string()
        if not 0 < len(name.encode("utf-8", "surrogateescape")) <= MOST_NAME_BYTES:
            raise DamageError(f"a tensor's name has {len(name):,} characters")
        dimensions = self.number(_U32)
        if not 1 <= dimensions <= MOST_DIMENSIONS:
            raise DamageError(f"tensor {name!r} has {dimensions:,} dimensions")
        shape = [self.number(_U64) for _ in range(dimensions)]
        elements = math.prod(shape)
        if not 0 < elements <= _MOST_ELEMENTS:
            raise DamageError(f"tensor {name!r} has the shape {shape}")
        kind = self.number(_U32)
        if kind not in BLOCKS:
            raise DamageError(f"tensor {name!r} is of type {kind:,}, which is not known")
        block, size = BLOCKS[kind]
        if shape[0] % block:
            raise DamageError(f"tensor {name!r} has rows of {shape[0]:,}, no multiple of {block}")
        return TensorEntry(name, elements, self.number(_U64), elements // block * size)


def _scalar(kind: int, key: str) -> struct.Struct:
    if kind not in _SCALARS:
        what = "an array of arrays" if kind == _ARRAY else f"of type {kind:,}, which is not known"
        raise DamageError(f"{key!r} is {what}")
    return _SCALARS[kind]
