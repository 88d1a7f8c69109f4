"""Rows that hold edit sequences, read one by one from JSONL, gzipped JSONL or tables."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

from ondevice.edits import SEPARATOR
from ondevice.errors import DataError, DependencyError


class UnusableRowError(Exception):
    """A row without what a row must have."""


class StoredRow(NamedTuple):
    """What stands in a row (from 1), not looked at yet, and how much of the file is done."""

    number: int
    content: object
    done: int
    size: int


class Sequence(NamedTuple):
    """A program, what a model writes after its prompt to make it, and the diffs in that."""

    program: str
    text: str
    diffs: list[str]


def sequence_of(row: object, field: str) -> Sequence:
    """Return what a row holds: a program in ``field``, ``sequence``, ``edits`` or both.

    Raises:
        UnusableRowError: It does not, or the two columns differ.
    """
    if isinstance(row, UnusableRowError):
        raise row
    if not isinstance(row, dict):
        raise UnusableRowError("the row is no JSON object")
    program = row.get(field)
    if not isinstance(program, str):
        raise UnusableRowError(f"the row has no program in a column {field!r}")
    diffs = row.get("edits")
    if diffs is not None and not (
        isinstance(diffs, list) and all(isinstance(diff, str) for diff in diffs)
    ):
        raise UnusableRowError("the column 'edits' is no list of texts")
    joined = None if diffs is None else f"\n{SEPARATOR}".join([*diffs, "", ""])
    sequence = row.get("sequence", joined)
    if not isinstance(sequence, str):
        raise UnusableRowError("the row has no text in a column 'sequence', and no column 'edits'")
    if joined not in (None, sequence):
        raise UnusableRowError("the columns 'edits' and 'sequence' differ")
    if diffs is None:
        diffs = sequence.removesuffix(f"\n{SEPARATOR}" * 2).split(f"\n{SEPARATOR}")
    return Sequence(program, sequence, diffs)


def stored_rows(path: Path, field: str) -> Iterator[StoredRow]:
    """Yield the rows of a file, which by its name's end is JSONL, JSONL.gz or Parquet.

    A folder is one that Hugging Face ``datasets`` saved.

    Raises:
        DataError: The file is not what its name says.
        DependencyError: A package that it needs is not installed.
        OSError: It cannot be read.
    """
    if path.suffix == ".parquet" or path.is_dir():
        yield from _table_rows(path, field)
        return
    with path.open("rb") as file:
        size = path.stat().st_size
        lines: IO[bytes] = file
        if path.suffix == ".gz":
            lines = cast("IO[bytes]", gzip.GzipFile(fileobj=file))
        try:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield StoredRow(number, _parsed(line), file.tell(), size)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DataError(f"{path} is damaged: {error}") from error


def _parsed(line: bytes) -> object:
    """Return what a line holds; what is no JSON is for the row's turn to refuse."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        return UnusableRowError(f"the row is no JSON: {error}")


def _table_rows(path: Path, field: str) -> Iterator[StoredRow]:
    try:
        import pyarrow
    except ImportError as error:
        raise DependencyError(
            f"{path} is a table, which pyarrow reads: pip install pyarrow"
        ) from error
    size = number = 0
    try:
        for batch, size in _folder_batches(path) if path.is_dir() else _parquet_batches(path):
            names = [name for name in (field, "edits", "sequence") if name in batch.schema.names]
            for row in batch.select(names).to_pylist():
                number += 1
                present = {name: value for name, value in row.items() if value is not None}
                yield StoredRow(number, present, number, size)
    except (pyarrow.ArrowException, ValueError, KeyError) as error:
        raise DataError(f"{path} is no table that can be read: {error}") from error


def _parquet_batches(path: Path) -> Iterator[tuple[Any, int]]:
    """Yield batches of rows, and how many rows there are in all."""
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=64):
            yield batch, file.metadata.num_rows


def _folder_batches(path: Path) -> Iterator[tuple[Any, int]]:
    """Yield those of what Hugging Face ``datasets`` saved, one split after another."""
    import pyarrow

    splits = [path]
    if (path / "dataset_dict.json").exists():
        names = json.loads((path / "dataset_dict.json").read_bytes())["splits"]
        splits = [path / name for name in names]
    files = [
        split / file["filename"]
        for split in splits
        for file in json.loads((split / "state.json").read_bytes())["_data_files"]
    ]
    opened = [pyarrow.ipc.open_stream(pyarrow.memory_map(str(file))) for file in files]
    size = sum(batch.num_rows for stream in opened for batch in stream)
    for file in files:
        for batch in pyarrow.ipc.open_stream(pyarrow.memory_map(str(file))):
            for start in range(0, batch.num_rows, 64):
                yield batch.slice(start, 64), size
