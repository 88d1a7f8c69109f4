"""What every format of a corpus can do: be read in spans of rows, again and in any order."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ondevice.lintseq.rows import Row

MAX_LINE = 64 << 20
"""Bytes of a row, as a line of JSON, above which it is not even looked at."""

_SAMPLE = 1 << 20


@dataclass(frozen=True, slots=True)
class Span:
    """Rows that follow one another: span ``number`` (from 0), ``count`` rows from row ``first``.

    ``start`` is where they begin in the source, in the unit of ``Row.end``, and ``end`` where they
    end.
    """

    number: int
    first: int
    count: int
    start: int
    end: int


class Source(Protocol):
    """A corpus that is read in constant memory."""

    path: Path
    size: int
    """How much there is to read, in the unit of ``Row.end``."""

    is_table: bool
    """Whether rows are stored in columns."""

    def spans(self, rows: int) -> Iterator[Span]:
        """Yield the spans of so many rows that make up the source, from its first row on."""

    def read(self, span: Span) -> Iterator[Row]:
        """Yield the rows of a span; cheapest for spans in their order.

        Raises ``DataError`` where the source is damaged.
        """

    def close(self) -> None:
        """Close the files."""


def identity(path: Path) -> list[Any]:
    """Return what tells a source from another one or from a changed one, at little cost."""
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        return [[file.relative_to(path).as_posix(), *_times(file)] for file in files]
    digest = hashlib.sha256()
    with path.open("rb") as file:
        digest.update(file.read(_SAMPLE))
        file.seek(max(0, os.fstat(file.fileno()).st_size - _SAMPLE))
        digest.update(file.read(_SAMPLE))
    return [*_times(path), digest.hexdigest()]


def _times(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns
