"""Corpora: a file of programs becomes a file of edit sequences, and no row ends the run."""

from __future__ import annotations

import dataclasses
import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ondevice.edits import LINTSEQ
from ondevice.errors import DataError, DependencyError, OndeviceError
from ondevice.lintseq import linters
from ondevice.lintseq.linters import Linter
from ondevice.lintseq.refactor import refactor
from ondevice.lintseq.rows import RawRow, read_rows, written_rows

PROGRAMS = "programs"
"""The column for several programs of one row, where the column for one is missing."""

_NEW_COLUMNS = ("edits", "sequence")


@dataclass
class Summary:
    """What became of a corpus.

    ``rejected`` counts rejections, of a row or of one of a row's programs, by their kind;
    ``normalized`` the programs whose ``\\r\\n`` became ``\\n``.
    """

    rows: int = 0
    sequences: int = 0
    normalized: int = 0
    rejected: Counter[str] = dataclasses.field(default_factory=Counter)

    def __str__(self) -> str:
        text = f"{self.rows} rows, {self.sequences} sequences"
        if self.normalized:
            text += rf", {self.normalized} programs with \r\n made \n"
        if self.rejected:
            kinds = ", ".join(f"{kind}: {count}" for kind, count in self.rejected.most_common())
            text += f", {self.rejected.total()} rejected ({kinds})"
        return text

    def add(self, outcome: Outcome) -> None:
        """Count what became of one more row."""
        self.rows += 1
        self.sequences += len(outcome.rows)
        self.normalized += outcome.normalized
        self.rejected.update(rejection.kind for rejection in outcome.rejections)


@dataclass(frozen=True)
class Settings:
    """How programs are refactored; with a row's number and text, all that decides its outcome."""

    linter: Linter
    samples: int
    seed: int
    field: str


@dataclass(frozen=True)
class Rejection:
    """Why a row, or the program of that index (from 0) in it, gave no sequences."""

    row: int
    program: int | None
    kind: str
    reason: str


@dataclass
class Outcome:
    """What became of one row."""

    rows: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    rejections: list[Rejection] = dataclasses.field(default_factory=list)
    normalized: int = 0


class _UnusableError(Exception):
    """A row or program that cannot be used: a short kind to count it by, and the reason."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


def refactor_file(
    source: Path,
    target: Path,
    *,
    linter: str = "fast",
    samples: int = 1,
    seed: int = 0,
    field: str = "program",
    on_progress: Callable[[int, int], None] | None = None,
) -> Summary:
    """Refactor every program of a JSONL file into ``samples`` edit sequences, a row each.

    A row holds a program in ``field``, or a list of them in ``programs``. The rows of ``target``
    keep its columns and add ``edits`` (a list of diffs) and ``sequence`` (what a model writes after
    its prompt); ``field`` holds the program. What cannot be refactored goes to
    ``TARGET.rejected.jsonl``, with the number of its line and the reason. Both files appear whole,
    at the end. ``on_progress`` is told after each row how many bytes of the source are done, and
    how many it has.

    Raises ``DataError`` for settings that cannot be, ``DependencyError`` when the linter is not
    installed, and ``OSError`` when a file cannot be read or written.
    """
    if samples < 1:
        raise DataError(f"samples must be at least 1, not {samples}")
    rejected = target.with_name(f"{target.name}.rejected.jsonl")
    for output in (target, rejected):
        if output.exists() and output.samefile(source):
            raise DataError(f"{source} would be overwritten; choose another file to write to")
    settings = Settings(linters.get(linter), samples, seed, field)
    summary = Summary()
    with written_rows(target) as write, written_rows(rejected, even_empty=False) as reject:
        for row in read_rows(source):
            outcome = refactor_row(row, settings)
            for made in outcome.rows:
                write(made)
            for rejection in outcome.rejections:
                reject(dataclasses.asdict(rejection))
            summary.add(outcome)
            if on_progress:
                on_progress(row.end, row.size)
    return summary


def refactor_row(row: RawRow, settings: Settings) -> Outcome:
    """Refactor the programs of one row; raises ``DependencyError`` alone."""
    outcome = Outcome()
    try:
        columns = _parsed(row.text)
        programs = _programs(columns, settings.field)
    except _UnusableError as error:
        outcome.rejections.append(Rejection(row.number, None, error.kind, str(error)))
        return outcome
    for index, program in enumerate(programs):
        key = f"{settings.seed}/{row.number}/{index}"
        try:
            made = _sequences(program, key, settings)
        except _UnusableError as error:
            outcome.rejections.append(Rejection(row.number, index, error.kind, str(error)))
            continue
        outcome.normalized += "\r\n" in program
        outcome.rows += [{**columns, settings.field: _normalized(program), **new} for new in made]
    return outcome


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        columns = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _UnusableError("no JSON", str(error)) from error
    if not isinstance(columns, dict):
        raise _UnusableError("no JSON", "the row is no JSON object")
    if taken := [name for name in _NEW_COLUMNS if name in columns]:
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


def _sequences(program: str, key: str, settings: Settings) -> list[dict[str, Any]]:
    """Return the new columns for each sample of a program."""
    program = _normalized(program)
    made = []
    for sample in range(settings.samples):
        rng = random.Random(f"{key}/{sample}")  # a text seeds alike on every machine
        try:
            edits = refactor(program, rng, settings.linter)
        except DependencyError:
            raise  # the same for every row
        except DataError as error:
            raise _UnusableError("unfit", str(error)) from error
        except OndeviceError as error:
            raise _UnusableError("linter failed", str(error)) from error
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise _UnusableError("linter failed", reason) from error
        diffs = [LINTSEQ.write(edit) for edit in edits]
        made.append({"edits": diffs, "sequence": LINTSEQ.write_sequence(edits)})
    return made


def _normalized(program: str) -> str:
    r"""Return a program as edits write it: lines end with ``\n``, the last one, too."""
    program = program.replace("\r\n", "\n")
    return program if program.endswith("\n") else program + "\n"
