"""The wire format of protocol buffers: https://protobuf.dev/programming-guides/encoding."""

from __future__ import annotations

import mmap
from collections.abc import Iterator

VARINT, FIXED_64, BYTES, FIXED_32 = 0, 1, 2, 5
_CONTINUES = bytes(range(128, 256))
_MOST_VARINT = 10
"""Bytes of the longest number."""


class MalformedError(ValueError):
    """What is wrong with a file, in words that follow its path."""


def fields(data: mmap.mmap, position: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield the fields of the message between two places: number, kind, and a value.

    The value of ``VARINT`` is the number and what follows the place after it; of the others, it is
    where they begin and where they end. Raises ``MalformedError`` where there is no field, or one
    goes beyond the message.
    """
    while position < end:
        tag = data[position]
        position += 1
        if tag >= 128:
            tag, position = _varint(data, position - 1, end)
        kind = tag & 7
        if kind == BYTES:
            # Most are short: then their length is the byte itself.
            if position < end and (size := data[position]) < 128:
                value = position + 1
            else:
                size, value = _varint(data, position, end)
            position = value + size
        elif kind == VARINT:
            value, position = _varint(data, position, end)
        elif kind in (FIXED_32, FIXED_64):
            value, position = position, position + (4 if kind == FIXED_32 else 8)
        else:
            raise MalformedError(f"there is no field at byte {position - 1:,}")
        if position > end or tag < 8:
            raise MalformedError(f"a field before byte {end:,} goes beyond what it belongs to")
        yield tag >> 3, kind, value, position


def _varint(data: mmap.mmap, position: int, end: int) -> tuple[int, int]:
    """Return the number at a place, and the place after it."""
    value = shift = 0
    for place in range(position, min(end, position + _MOST_VARINT)):
        byte = data[place]
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place + 1
        shift += 7
    raise MalformedError(f"the number at byte {position:,} does not end")


def varints(data: mmap.mmap, position: int, end: int) -> Iterator[int]:
    """Yield the numbers that are packed between two places."""
    while position < end:
        value, position = _varint(data, position, end)
        yield value


def count_varints(data: mmap.mmap, start: int, end: int) -> int:
    """Return how many numbers are packed between two places."""
    return len(data[start:end].translate(None, _CONTINUES))


def text(data: mmap.mmap, start: int, end: int) -> str:
    """Return the text between two places; ``MalformedError`` where that is no UTF-8."""
    try:
        return data[start:end].decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedError(f"the text at byte {start:,} is no UTF-8") from None
