"""Benchmark files: the texts in them that a corpus must not share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ondevice.datafiles import rows_of
from ondevice.errors import DataError

COLUMNS = (
    *("prompt", "text", "instruction", "instructions", "question", "description", "problem"),
    *("complete_prompt", "instruct_prompt", "docstring", "canonical_solution", "reference_code"),
    *("code", "solution", "solutions", "program", "programs", "completion", "answer"),
)
"""Columns that hold prompts and solutions, where none are named. Tests are not among them."""
_IDS = ("task_id", "id", "question_id", "problem_id", "name")


class Text(NamedTuple):
    """A prompt or a solution of a benchmark, and the name of its row."""

    row: str
    text: str


def texts_of(path: Path, columns: Sequence[str] = ()) -> Iterator[Text]:
    """Yield the prompts and solutions in a file: JSONL, JSONL with gzip, JSON or Parquet.

    Raises:
        DataError: It is none of these, or no row has a text in one of the columns.
        DependencyError: It is Parquet, and pyarrow is not installed.
        OSError: It cannot be read.
    """
    wanted = columns or COLUMNS
    empty = True
    seen: set[str] = set()
    for number, row in enumerate(rows_of(path), 1):
        if not isinstance(row, dict):
            raise DataError(f"{path}, row {number}: a benchmark's rows must be objects")
        seen.update(row)
        name = next((str(row[key]) for key in _IDS if row.get(key) is not None), str(number))
        for column in wanted:
            for text in _strings(row.get(column)):
                empty = False
                yield Text(name, text)
    if empty:
        there = ", ".join(sorted(map(str, seen))) or "none"
        raise DataError(f"{path} has no text in {', '.join(wanted)}; its columns are {there}")


def digest(path: Path) -> str:
    """Return the SHA-256 of a file; raises ``OSError`` when it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _strings(value: Any) -> Iterator[str]:
    """Yield the texts in a value, also from a list that was stored as JSON."""
    if isinstance(value, str):
        parsed = _parsed_list(value)
        if parsed is None:
            yield value
        else:
            yield from _strings(parsed)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)


def _parsed_list(text: str) -> list[Any] | None:
    if not text.lstrip().startswith('["'):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, list) else None
