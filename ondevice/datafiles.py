"""Rows of a data file, whatever format they are stored in."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ondevice.errors import DataError, DependencyError

_NO_JSON = (ValueError, RecursionError, EOFError, gzip.BadGzipFile, zlib.error)


def rows_of(path: Path) -> Iterator[Any]:
    """Yield the rows of a file: JSONL, JSON (a list, or an object of rows), either with gzip, or
    Parquet.

    Raises:
        DataError: It is none of these.
        DependencyError: It is Parquet, and pyarrow is not installed.
        OSError: It cannot be read.
    """
    name = path.name.lower()
    try:
        if name.endswith(".parquet"):
            yield from _parquet_rows(path)
        elif name.endswith((".json", ".json.gz")):
            yield from _json_rows(path)
        else:
            with _opened(path) as file:
                yield from (json.loads(line) for line in file if line.strip())
    except _NO_JSON as error:
        raise DataError(f"{path} cannot be read: {error}") from error


def _opened(path: Path) -> Any:
    return gzip.open(path, "rb") if path.name.lower().endswith(".gz") else path.open("rb")


def _json_rows(path: Path) -> Iterator[Any]:
    """Yield the rows of a list, or of an object that names them or holds one list."""
    with _opened(path) as file:
        content = json.load(file)
    if isinstance(content, dict):
        lists = [value for value in content.values() if isinstance(value, list)]
        if len(lists) == 1 and all(isinstance(row, dict) for row in lists[0]):
            content = lists[0]
        elif content and all(isinstance(row, dict) for row in content.values()):
            content = [{"id": name, **row} for name, row in content.items()]
        else:
            content = [content]
    if not isinstance(content, list):
        raise DataError(f"{path} holds no rows")
    yield from content


def _parquet_rows(path: Path) -> Iterator[Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise DependencyError(
            f"reading {path} needs pyarrow: pip install 'ondevice[lintseq]'"
        ) from error
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=256):
                yield from batch.to_pylist()
    except pyarrow.ArrowException as error:
        raise DataError(f"{path} is no Parquet file that can be read: {error}") from error
