"""Sources that are tables: Parquet, and folders saved by Hugging Face ``datasets``."""

from __future__ import annotations

import base64
import contextlib
import importlib
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ondevice.errors import DataError, DependencyError
from ondevice.lintseq.formats.source import MAX_LINE, Span
from ondevice.lintseq.rows import NEW_COLUMNS, PROGRAMS, Problem, Row


class TableSource(ABC):
    """Rows of a table, whole or only what holds their programs."""

    is_table = True

    def __init__(self, path: Path, field: str, *, whole: bool) -> None:
        self.path = path
        self.whole = whole
        self.schema: Any
        self.size: int
        self._open()
        self._column = self._checked_column(field)

    def spans(self, rows: int) -> Iterator[Span]:
        """Yield the spans of so many rows."""
        for number, start in enumerate(range(0, self.size, rows)):
            end = min(start + rows, self.size)
            yield Span(number, start + 1, end - start, start, end)

    def read(self, span: Span) -> Iterator[Row]:
        """Yield the rows of a span."""
        table = self.table(span)
        if not self.whole:
            table = table.select([self._column])
        for index in range(span.count):
            number = span.first + index
            line, problem = b"", None
            try:
                line = _as_json(table.slice(index, 1).to_pylist()[0])
            except (ValueError, OverflowError, RecursionError) as error:
                problem = Problem("no text", str(error))
            if len(line) > MAX_LINE:
                line, problem = b"", Problem("too large", f"the row has {len(line)} bytes as JSON")
            yield Row(number, line, number, problem)

    def table(self, span: Span) -> Any:
        """Return the rows of a span with all columns, as a table of pyarrow."""
        with damage_told(self.path):
            return self._slice(span.start, span.count)

    @abstractmethod
    def close(self) -> None:
        """Close the files."""

    @abstractmethod
    def _open(self) -> None:
        """Open the files, and set ``schema`` and ``size``."""

    @abstractmethod
    def _slice(self, start: int, count: int) -> Any:
        """Return so many rows as a table of pyarrow."""

    def _checked_column(self, field: str) -> str:
        """Return the column that holds programs; raises ``DataError`` when there is none."""
        names = self.schema.names
        if taken := [name for name in NEW_COLUMNS if name in names]:
            raise DataError(f"{self.path} has a column {taken[0]!r} already, which would be added")
        column = field if field in names else PROGRAMS
        if names.count(column) != 1:
            raise DataError(
                f"{self.path} has no column {field!r} and no {PROGRAMS!r}; it has "
                f"{', '.join(names) or 'none'}; --field names the one that holds the program"
            )
        found = self.schema.field(column).type
        if not (_is_text(found) if column == field else _is_texts(found)):
            wanted = "text" if column == field else "lists of text"
            raise DataError(f"the column {column!r} of {self.path} holds {found}, not {wanted}")
        return column


class ParquetSource(TableSource):
    """A Parquet file."""

    def _open(self) -> None:
        parquet = require("pyarrow.parquet")
        with damage_told(self.path):
            self._file = parquet.ParquetFile(self.path, buffer_size=1 << 20)
        self.schema = self._file.schema_arrow
        self.size = self._file.metadata.num_rows
        self._batches: Iterator[Any] = iter(())
        self._place = -1  # of the row that the batches go on with
        self._rest: Any = None

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _slice(self, start: int, count: int) -> Any:
        arrow = require("pyarrow")
        if start != self._place:
            self._seek(start)
        pieces = []
        while count:
            if not self._rest.num_rows:
                self._rest = self._next()
            piece = self._rest.slice(0, count)
            self._rest = self._rest.slice(piece.num_rows)
            self._place += piece.num_rows
            count -= piece.num_rows
            pieces.append(piece)
        return arrow.Table.from_batches(pieces, self.schema)

    def _seek(self, start: int) -> None:
        """Go to a row: to its row group, and from there by reading."""
        metadata = self._file.metadata
        group = first = 0
        while first + metadata.row_group(group).num_rows <= start:
            first += metadata.row_group(group).num_rows
            group += 1
        groups = range(group, metadata.num_row_groups)
        self._batches = self._file.iter_batches(batch_size=256, row_groups=list(groups))
        self._place = first
        self._rest = self._next()
        while self._place + self._rest.num_rows <= start:
            self._place += self._rest.num_rows
            self._rest = self._next()
        self._rest = self._rest.slice(start - self._place)
        self._place = start

    def _next(self) -> Any:
        batch = next(self._batches, None)
        if batch is None:
            raise ValueError("it has fewer rows than it says")
        return batch


class FolderSource(TableSource):
    """A folder written by ``Dataset.save_to_disk``, mapped into memory."""

    def _open(self) -> None:
        if (self.path / "dataset_dict.json").exists():
            with damage_told(self.path):
                splits = json.loads((self.path / "dataset_dict.json").read_bytes()).get(
                    "splits", []
                )
            raise DataError(
                f"{self.path} holds several splits; choose one: "
                + ", ".join(str(self.path / name) for name in splits)
            )
        if not (self.path / "state.json").exists():
            raise DataError(f"{self.path} is no folder saved by Hugging Face datasets")
        datasets = require("datasets")
        with damage_told(self.path):
            self._dataset = datasets.load_from_disk(str(self.path)).with_format("arrow")
        self.schema = self._dataset.features.arrow_schema
        self.size = len(self._dataset)

    def close(self) -> None:
        """Nothing is to be closed: the files are mapped, and go with the tables."""

    def _slice(self, start: int, count: int) -> Any:
        return self._dataset[start : start + count].cast(self.schema)


def require(name: str) -> Any:
    """Import a package of the extra; raises ``DependencyError`` where it is missing."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.split(".")[0]
        raise DependencyError(
            f"{package} is not installed: pip install 'ondevice[lintseq]'"
        ) from error


@contextlib.contextmanager
def damage_told(path: Path) -> Iterator[None]:
    """Turn what pyarrow raises for a damaged file into a ``DataError``."""
    arrow = require("pyarrow")
    try:
        yield
    except (FileNotFoundError, PermissionError):
        raise
    except (arrow.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} cannot be read: {type(error).__name__}: {error}") from error


def _is_text(kind: Any) -> bool:
    types = require("pyarrow").types
    if types.is_dictionary(kind):
        kind = kind.value_type
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _is_texts(kind: Any) -> bool:
    types = require("pyarrow").types
    lists = (types.is_list, types.is_large_list, types.is_fixed_size_list)
    return any(is_list(kind) for is_list in lists) and _is_text(kind.value_type)


def _as_json(row: dict[str, Any]) -> bytes:
    try:
        return json.dumps(row, default=_plain, allow_nan=False).encode()
    except ValueError:
        return json.dumps(_finite(row), default=_plain).encode()


def _finite(value: Any) -> Any:
    """Return a value with nulls for the numbers that JSON does not have."""
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _plain(value: Any) -> Any:
    """Return what JSON has for a value: bytes in base64, dates and all else as text."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
