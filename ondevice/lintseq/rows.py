"""One row of a corpus: from its text to its edit sequences, or to why there are none."""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from ondevice.edits import LINTSEQ, Edit, Hunk, Line
from ondevice.errors import DataError, DependencyError, OndeviceError
from ondevice.fences import program_of
from ondevice.lintseq import linters
from ondevice.lintseq.refactor import Refactoring

PROGRAMS = "programs"
"""The column for several programs of one row, where the column for one is missing."""

NEW_COLUMNS = ("edits", "sequence")

NUMBER = "\0row"
"""The column that says which row of the source a numbered row belongs to."""

Format = Literal["edits", "plain"]


@dataclass(frozen=True, slots=True)
class Settings:
    """How programs are refactored; with a row's number and text, all that decides its outcome.

    ``utf8`` asks for rows that every reader of UTF-8 takes, which half of a surrogate pair is not.
    ``numbered`` rows carry their number, to be put together with the source's columns later.
    """

    linter: str = "fast"
    samples: int = 1
    seed: int = 0
    field: str = "program"
    format: Format = "edits"
    max_size: int = 1_000_000
    utf8: bool = False
    numbered: bool = False

    def check(self) -> None:
        """Raise ``DataError`` for settings that cannot be."""
        linters.get(self.linter)
        if self.samples < 1:
            raise DataError(f"samples must be at least 1, not {self.samples}")
        if self.format not in get_args(Format):
            raise DataError(f"no format is called {self.format!r}; there are edits and plain")
        if self.format == "plain" and self.samples > 1:
            raise DataError("a plain program has one sequence only; leave samples at 1")
        if self.max_size < 1:
            raise DataError(f"the largest size of a program must be above 0, not {self.max_size}")
        if self.field in NEW_COLUMNS:
            raise DataError(f"the column {self.field!r} is one that is added; choose another field")


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something cannot be used: a short kind to count it by, and the reason."""

    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a source: its number from 1, its JSON, and how far into the source it reaches.

    With a ``problem`` the row could not even be read.
    """

    number: int
    line: bytes
    end: int
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a row, or the program of that index (from 0) in it, gave no sequences."""

    row: int
    program: int | None
    kind: str
    reason: str


@dataclass(slots=True)
class Outcome:
    r"""What became of one row: lines of JSON, rejections, and programs whose ``\r\n`` went."""

    lines: list[bytes] = dataclasses.field(default_factory=list)
    rejections: list[Rejection] = dataclasses.field(default_factory=list)
    normalized: int = 0

    def reject(self, row: int, program: int | None, problem: Problem) -> None:
        """Note why a row, or one of its programs, gave nothing."""
        self.rejections.append(Rejection(row, program, problem.kind, problem.reason))


class _UnusableError(Exception):
    """A row or program that cannot be used."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.problem = Problem(kind, reason)


def refactor_row(
    number: int,
    line: bytes,
    settings: Settings,
    *,
    failed: Mapping[int, Problem] | None = None,
    begin: Callable[[int], object] = lambda program: None,
) -> Outcome:
    """Refactor the programs of one row; raises ``DependencyError`` alone.

    ``begin`` is told the index of each program before anything is done with it. The programs in
    ``failed`` are rejected untried.
    """
    outcome = Outcome()
    try:
        columns = _parsed(line)
        programs = _programs(columns, settings.field)
    except _UnusableError as error:
        outcome.reject(number, None, error.problem)
        return outcome
    if settings.numbered:
        columns = {NUMBER: number}
    for index, text in enumerate(programs):
        if failed and index in failed:
            outcome.reject(number, index, failed[index])
            continue
        begin(index)
        try:
            key = f"{settings.seed}/{number}/{index}"
            lines = list(_lines(text, columns, key, settings))
        except _UnusableError as error:
            outcome.reject(number, index, error.problem)
            continue
        outcome.normalized += "\r\n" in text
        outcome.lines += lines
    return outcome


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        columns = json.loads(line)
    except (ValueError, RecursionError, MemoryError) as error:
        raise _UnusableError("no JSON", str(error)) from error
    if not isinstance(columns, dict):
        raise _UnusableError("no JSON", "the row is no JSON object")
    if taken := [name for name in NEW_COLUMNS if name in columns]:
        raise _UnusableError("column taken", f"the row has a column {taken[0]!r} already")
    return columns


def _programs(columns: dict[str, Any], field: str) -> list[str]:
    if field in columns:
        programs = [columns[field]]
    elif PROGRAMS in columns:
        programs = columns[PROGRAMS]
    else:
        raise _UnusableError("no program", f"the row has no column {field!r} and no {PROGRAMS!r}")
    if not isinstance(programs, list) or not programs:
        raise _UnusableError("no program", f"the column {PROGRAMS!r} holds no list of programs")
    if not all(isinstance(program, str) for program in programs):
        raise _UnusableError("no program", "a program is no text")
    return programs


def _lines(text: str, columns: dict[str, Any], key: str, settings: Settings) -> Iterator[bytes]:
    """Yield a row for each sample of a program, as a line of JSON."""
    if len(text) > settings.max_size:
        reason = f"the program has {len(text)} characters, more than {settings.max_size}"
        raise _UnusableError("too large", reason)
    program = program_of(text.replace("\r\n", "\n"))
    program = program if program.endswith("\n") else program + "\n"  # as edits write it
    for edits in _sequences(program, key, settings):
        new = {
            settings.field: program,
            "edits": [LINTSEQ.write(edit) for edit in edits],
            "sequence": LINTSEQ.write_sequence(edits),
        }
        try:
            # In ASCII, half of a surrogate pair, legal in JSON, can be written; it has no UTF-8.
            line = json.dumps({**columns, **new}, ensure_ascii=not settings.utf8)
            yield line.encode() + b"\n"
        except UnicodeEncodeError as error:
            reason = f"half of a surrogate pair cannot be stored there: {error.reason}"
            raise _UnusableError("no UTF-8", reason) from error
        except (RecursionError, MemoryError) as error:
            raise _UnusableError("no JSON", str(error)) from error


def _sequences(program: str, key: str, settings: Settings) -> list[list[Edit]]:
    try:
        refactoring = Refactoring(program, linters.get(settings.linter))
        if settings.format == "plain":
            return [[Edit((Hunk(0, tuple(Line("+", line) for line in refactoring.lines)),))]]
        # A text seeds alike on every machine.
        rngs = [random.Random(f"{key}/{sample}") for sample in range(settings.samples)]
        return [refactoring.edits(rng) for rng in rngs]
    except DependencyError:
        raise  # the same for every row
    except DataError as error:
        raise _UnusableError("unfit", str(error)) from error
    except OndeviceError as error:
        raise _UnusableError("linter failed", str(error)) from error
    except Exception as error:
        raise _UnusableError("linter failed", f"{type(error).__name__}: {error}") from error
