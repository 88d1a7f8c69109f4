"""Which texts share something with benchmarks, so that a model is not trained on what measures it.

The rule: texts are cut into words (identifiers, keywords and numbers; lower case; comments and
punctuation dropped). A row is contaminated when it shares a run of N words (10 by default), at
least half of them different ones, with a prompt or solution of a benchmark; a benchmark's text of
fewer than N words, but at least 5, counts as one run.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ondevice.errors import DataError, DependencyError

COLUMNS = (
    *("prompt", "text", "instruction", "question", "description", "problem", "complete_prompt"),
    *("instruct_prompt", "canonical_solution", "reference_code", "code", "solution", "solutions"),
)
"""Columns of a benchmark that hold prompts and solutions, where none are named."""
SHORTEST = 5
_WORD = re.compile(r"[^\W\d]\w*|\d+")
_COMMENT = re.compile(r"#[^\n]*")


@dataclass(frozen=True, slots=True)
class Overlap:
    """A run of words that a text shares with a row of a benchmark."""

    benchmark: str
    benchmark_row: str
    words: str


class Benchmarks:
    """The runs of words in the prompts and solutions of benchmark files."""

    def __init__(self, n: int) -> None:
        if n < SHORTEST:
            raise DataError(f"runs must have at least {SHORTEST} words, not {n}")
        self._n = n
        self._runs: dict[int, dict[tuple[str, ...], tuple[str, str]]] = {}

    def add_file(self, path: Path, columns: Sequence[str] = ()) -> int:
        """Take a file in (JSONL, gzipped or not, JSON or Parquet) and return how many rows it has.

        Raises ``DataError`` for a file that cannot be read, or has none of the columns.
        """
        wanted = columns or COLUMNS
        rows = texts = 0
        for number, row in enumerate(_rows(path), 1):
            rows += 1
            name = row.get("task_id", row.get("id", row.get("question_id", number)))
            for column in wanted:
                for text in _texts(row.get(column)):
                    texts += 1
                    self._add(text, path.name, str(name))
        if not texts:
            raise DataError(
                f"{path} has no text in the columns {', '.join(wanted)}; name its columns"
            )
        return rows

    def overlap(self, text: str) -> Overlap | None:
        """Return the first run that a text shares with a benchmark."""
        words = _words(text)
        for length, runs in self._runs.items():
            for start in range(len(words) - length + 1):
                run = tuple(words[start : start + length])
                if run in runs:
                    return Overlap(*runs[run], " ".join(run))
        return None

    def _add(self, text: str, benchmark: str, row: str) -> None:
        words = _words(text)
        length = min(self._n, len(words))
        if length < SHORTEST:
            return
        runs = self._runs.setdefault(length, {})
        for start in range(len(words) - length + 1):
            run = tuple(words[start : start + length])
            if len(set(run)) * 2 >= length:
                runs.setdefault(run, (benchmark, row))


def _words(text: str) -> list[str]:
    return _WORD.findall(_COMMENT.sub("", text).lower())


def _texts(value: Any) -> Iterator[str]:
    """Yield the texts in a column: one, or lists of them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        if path.suffix == ".parquet":
            rows: Iterable[Any] = _parquet_rows(path)
        elif path.suffix == ".json":
            content = json.loads(path.read_bytes())
            rows = list(content.values()) if isinstance(content, dict) else content
        else:
            opened = gzip.open if path.suffix == ".gz" else open
            with opened(path, "rb") as file:
                rows = [json.loads(line) for line in file if line.strip()]
    except (OSError, EOFError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read as a benchmark file: {error}") from error
    for row in rows:
        if not isinstance(row, dict):
            raise DataError(f"{path} holds something other than objects: {str(row)[:60]}")
        yield row


def _parquet_rows(path: Path) -> list[Any]:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise DependencyError(
            f"reading {path} needs pyarrow: pip install 'ondevice[lintseq]'"
        ) from error
    return list(pyarrow.parquet.read_table(path).to_pylist())
