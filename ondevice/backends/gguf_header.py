"""A check of a GGUF file's header that needs no native code: llama.cpp maps a file before it has
seen all of it, so a damaged one is refused here."""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import Any

from ondevice.errors import ModelFormatError

# GGUF's number for a type -> the letter that struct has for it.
_SCALARS = dict(zip([*range(8), 10, 11, 12], "BbHhIif?Qqd", strict=True))
_STRING, _ARRAY = 8, 9
# ggml type: (elements in a block, bytes of a block)
_BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 28: (1, 8),
    30: (1, 2),
}  # fmt: skip


class _Reader:
    """Reads little-endian values one after the other; ``struct.error`` at the end of the data."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self.position = 0

    def number(self, code: str) -> Any:
        (value,) = struct.unpack_from("<" + code, self._data, self.position)
        self.position += struct.calcsize("<" + code)
        return value

    def string(self) -> str:
        size = self.number("Q")
        start, self.position = self.position, self.position + size
        if self.position > len(self._data):
            raise struct.error("a string goes beyond the end")
        return self._data[start : self.position].decode("utf-8", "surrogateescape")

    def value(self, kind: int) -> Any:
        """Return a scalar, a string, a list of strings; of other arrays only their range."""
        if kind == _STRING:
            return self.string()
        if kind != _ARRAY:
            return self.number(_SCALARS[kind])
        item, count = self.number("I"), self.number("Q")
        if item == _STRING:
            return [self.string() for _ in range(count)]
        self.position += count * struct.calcsize("<" + _SCALARS[item])
        return range(count)


def read_header(path: Path) -> dict[str, Any]:
    """Return the metadata of a GGUF file; of an array of numbers only a ``range`` of its length.

    Raises ``ModelFormatError`` when the file is no GGUF file, is shorter than its tensors, or
    holds a vocabulary at which llama.cpp would end the process.
    """
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise ModelFormatError(f"{path} is no GGUF file: it does not begin with 'GGUF'")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                return _read(_Reader(data), path, len(data))
            except (struct.error, ArithmeticError, KeyError, TypeError) as error:
                raise ModelFormatError(
                    f"{path} is damaged or incomplete: its header cannot be read ({error}). "
                    "Download or export it again"
                ) from error


def _read(reader: _Reader, path: Path, size: int) -> dict[str, Any]:
    reader.position = 4
    version = reader.number("I")
    if version not in (2, 3):
        raise ModelFormatError(f"{path} is of GGUF version {version}; 2 and 3 are supported")
    tensors, entries = reader.number("Q"), reader.number("Q")
    metadata = {reader.string(): reader.value(reader.number("I")) for _ in range(entries)}
    tokens = metadata.get("tokenizer.ggml.tokens", [])
    if len({token.partition("\0")[0] for token in tokens}) < len(tokens):  # it reads C strings
        raise ModelFormatError(
            f"{path} is damaged: two of its tokens have the same text. Download or export it again"
        )
    needed = [_read_tensor(reader) for _ in range(tensors)]
    alignment = metadata.get("general.alignment", 32)
    end = -(-reader.position // alignment) * alignment + max(needed, default=0)
    if end > size:
        raise ModelFormatError(
            f"{path} is cut short: its tensors end at byte {end:,}, the file at {size:,}. "
            "Download or export it again"
        )
    return metadata


def _read_tensor(reader: _Reader) -> int:
    """Return where the tensor ends within the data section."""
    reader.string()
    elements = 1
    for _ in range(reader.number("I")):
        elements *= reader.number("Q")
    block, size = _BLOCKS.get(reader.number("I"), (1, 0))
    return int(reader.number("Q")) + -(-elements // block) * size
