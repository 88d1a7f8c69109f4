"""Messages between a worker and the process that it works for: a length, then JSON."""

from __future__ import annotations

import json
import os
import struct
from typing import Any

_LENGTH = struct.Struct("<I")


def send(descriptor: int, message: Any) -> None:
    """Write one message. Raises ``OSError`` when nobody reads any more."""
    data = json.dumps(message).encode()
    rest = memoryview(_LENGTH.pack(len(data)) + data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def receive(descriptor: int) -> Any:
    """Read one message, and nothing behind it. Raises ``EOFError`` at the end."""
    return json.loads(_exactly(descriptor, _LENGTH.unpack(_exactly(descriptor, 4))[0]))


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
