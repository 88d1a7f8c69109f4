"""Messages between a worker and the process that it works for: a length, then bytes.

A worker is asked in marshal's format, which is fast, and answers in JSON, which can harm nobody.
"""

from __future__ import annotations

import os
import struct

_LENGTH = struct.Struct("<I")


def send(descriptor: int, message: bytes) -> None:
    """Write one message. Raises ``OSError`` when nobody reads any more."""
    rest = memoryview(_LENGTH.pack(len(message)) + message)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def receive(descriptor: int) -> bytes:
    """Read one message, and nothing behind it. Raises ``EOFError`` at the end."""
    return _exactly(descriptor, _LENGTH.unpack(_exactly(descriptor, 4))[0])


def _exactly(descriptor: int, count: int) -> bytes:
    # Whatever else is in the pipe stays there: a program that starts in between must not have it
    # in its memory.
    parts = []
    while count:
        part = os.read(descriptor, min(count, 1 << 20))
        if not part:
            raise EOFError("the other side has ended")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
