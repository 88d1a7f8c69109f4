"""Rows of JSONL: read one by one, and written so that a file appears whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WriteRow = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class RawRow:
    """One line of a file: its number from 1, its bytes, and how far into the file it reaches."""

    number: int
    text: bytes
    end: int
    size: int


def read_rows(path: Path) -> Iterator[RawRow]:
    """Yield the lines that are not blank."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        end = 0
        for number, line in enumerate(file, 1):
            end += len(line)
            if line.strip():
                yield RawRow(number, line, end, size)


@contextlib.contextmanager
def written_rows(path: Path, *, even_empty: bool = True) -> Iterator[WriteRow]:
    """Give a function that writes a row; the file takes its place when the block ends well.

    After an error ``path`` is as it was. Without ``even_empty``, no rows leave no file, not even
    an earlier one.
    """
    path = Path(os.path.realpath(path))
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    empty = True

    def write(row: dict[str, Any]) -> None:
        nonlocal empty
        # Escaped to ASCII, since half of a surrogate pair, legal in JSON, has no UTF-8.
        file.write(json.dumps(row) + "\n")
        empty = False

    try:
        with open(handle, "w", encoding="ascii", newline="\n") as file:
            yield write
            file.flush()
            os.fsync(file.fileno())
        if empty and not even_empty:
            os.unlink(name)
            path.unlink(missing_ok=True)
        else:
            os.chmod(name, path.stat().st_mode if path.exists() else 0o666 & ~_umask())
            os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
