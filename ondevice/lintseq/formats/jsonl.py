"""JSONL, plain or with gzip: rows are lines, and numbered as an editor numbers them."""

from __future__ import annotations

import contextlib
import gzip
import io
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from ondevice.errors import DataError
from ondevice.files import replacing
from ondevice.lintseq.formats.source import MAX_LINE, Span
from ondevice.lintseq.parts import Parts
from ondevice.lintseq.rows import Problem, Row

_TOO_LARGE = Problem("too large", f"the line has more than {MAX_LINE >> 20} MiB")
_DAMAGE = (EOFError, gzip.BadGzipFile, zlib.error)


class JsonlSource:
    """A file of JSON rows."""

    is_table = False

    def __init__(self, path: Path, *, zipped: bool) -> None:
        self.path = path
        self.zipped = zipped
        self._raw = path.open("rb")
        self._scanned = path.open("rb")
        self.size = self._raw.seek(0, io.SEEK_END)
        self._raw.seek(0)
        # Two readers, since whoever looks for the next span is ahead of who reads the last one,
        # and gzip can go back only by starting over.
        self._file = self._opened(self._raw)
        self._scan = self._opened(self._scanned)

    def spans(self, rows: int) -> Iterator[Span]:
        """Yield the spans of so many lines."""
        scan = self._scan
        with _damage_told(self.path):
            scan.seek(0)
            number = count = start = end = 0
            while length := _skip_line(scan):
                count += 1
                end += length
                if count == rows:
                    yield Span(number, number * rows + 1, count, start, end)
                    number, count, start = number + 1, 0, end
            if count:
                yield Span(number, number * rows + 1, count, start, end)

    def read(self, span: Span) -> Iterator[Row]:
        """Yield the lines of a span that are not blank."""
        with _damage_told(self.path):
            self._file.seek(span.start)
            end = span.start
            for number in range(span.first, span.first + span.count):
                line = self._file.readline(MAX_LINE)
                end += len(line)
                problem = None
                if len(line) == MAX_LINE and not line.endswith(b"\n"):
                    end += _skip_line(self._file)
                    line, problem = b"", _TOO_LARGE
                if problem or line.strip():
                    place = self._raw.tell() if self.zipped else end
                    yield Row(number, line, place, problem)

    def close(self) -> None:
        """Close the files."""
        for file in (self._file, self._scan, self._raw, self._scanned):
            file.close()

    def unzip(self, path: Path) -> Path:
        """Write the same rows without gzip, so that they can be read from the middle."""
        with _damage_told(self.path), gzip.open(self.path) as source, replacing(path) as target:
            shutil.copyfileobj(source, target, 1 << 20)
        return path

    def _opened(self, file: IO[bytes]) -> IO[bytes]:
        if not self.zipped:
            return file
        return io.BufferedReader(gzip.GzipFile(fileobj=file, mode="rb"), 1 << 18)


def join(parts: Parts, target: Path, *, zipped: bool) -> None:
    """Make a file of all parts, one after another."""
    with replacing(target, parts.folder) as file, _compressed(file, zipped) as output:
        for number in range(parts.count):
            for block in parts.blocks(number):
                output.write(block)


@contextlib.contextmanager
def _compressed(file: IO[bytes], zipped: bool) -> Iterator[IO[bytes] | gzip.GzipFile]:
    if not zipped:
        yield file
        return
    # Neither a name nor a time, so that the same rows are the same bytes.
    with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0, compresslevel=6) as output:
        yield output


def _skip_line(file: IO[bytes]) -> int:
    """Read past the next line end, however far it is, and return how many bytes that were."""
    length = 0
    while piece := file.readline(1 << 20):
        length += len(piece)
        if piece.endswith(b"\n"):
            break
    return length


@contextlib.contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise DataError(f"{path} is damaged: {error}") from error
