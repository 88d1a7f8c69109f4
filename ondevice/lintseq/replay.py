"""Reading edit sequences back: does each write its program, through states without an error?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ondevice.edits import LINTSEQ, Buffer, Edit, EditRead, SequenceEnded
from ondevice.errors import CheckError, EditError
from ondevice.events import Finding
from ondevice.lintseq import linters
from ondevice.lintseq.history import History
from ondevice.lintseq.linters import Linter
from ondevice.lintseq.reference_resolver import faults_that_change, resolve
from ondevice.lintseq.sequences import UnusableRowError, sequence_of, stored_rows

LISTED = 20
"""How many problems a report lists."""

Progress = Callable[[int, int], None]


class Problem(NamedTuple):
    """What is wrong with the sequence of a row (from 1)."""

    row: int
    reason: str


@dataclass
class Comparison:
    """On how many sequences the published resolver's rules give something else."""

    differ: int = 0
    by_fault: Counter[str] = field(default_factory=Counter)
    """How many differ by one fault alone; a sequence can differ by several."""
    together: int = 0
    """How many differ by no single fault, but by all together."""
    refused: int = 0
    """How many give a program all the same that the strict reader refuses."""

    def __str__(self) -> str:
        lines = [f"published resolver: {self.differ} sequences come out differently"]
        lines += [f"  {fault}: {count}" for fault, count in self.by_fault.most_common()]
        if self.together:
            lines.append(f"  several faults together: {self.together}")
        if self.refused:
            lines.append(f"  resolves what the strict reader refuses: {self.refused}")
        return "\n".join(lines)


@dataclass
class Report:
    """What a file of edit sequences holds; printed, a few lines."""

    rows: int = 0
    sequences: int = 0
    states: int = 0
    states_with_findings: int = 0
    states_not_judged: int = 0
    unusable_rows: int = 0
    not_replayed: int = 0
    other_ends: int = 0
    problems: list[Problem] = field(default_factory=list)
    """The first ones."""
    comparison: Comparison | None = None

    @property
    def ok(self) -> bool:
        """Whether every row holds a sequence that writes its program through clean states."""
        return not (
            self.unusable_rows
            or self.not_replayed
            or self.other_ends
            or self.states_with_findings
            or self.states_not_judged
        )

    def note(self, row: int, reason: str) -> None:
        """List a problem, if there is room."""
        if len(self.problems) < LISTED:
            self.problems.append(Problem(row, reason))

    def __str__(self) -> str:
        lines = [
            f"{self.rows} rows, {self.sequences} sequences, {self.states} states",
            f"unusable rows: {self.unusable_rows}",
            f"sequences that do not replay: {self.not_replayed}",
            f"sequences that end in another program: {self.other_ends}",
            f"states with findings: {self.states_with_findings}",
        ]
        if self.states_not_judged:
            lines.append(f"states that the linter could not judge: {self.states_not_judged}")
        lines += [f"row {problem.row}: {problem.reason}" for problem in self.problems]
        if self.comparison:
            lines.append(str(self.comparison))
        return "\n".join(lines)


def verify_file(
    path: Path,
    *,
    linter: str = "fast",
    field: str = "program",
    compat: bool = False,
    on_progress: Progress | None = None,
) -> Report:
    """Replay the sequence of every row, and judge each state on its way.

    A row holds its program in ``field`` and a ``sequence`` (what a model writes after its prompt),
    ``edits`` (a list of diffs) or both. The file is JSONL, JSONL.gz or Parquet, by the end of its
    name, or a folder that Hugging Face ``datasets`` saved. A finding that the finished program has
    at the same line does not count. With ``compat``, sequences are also replayed by the rules of
    the published resolver. Takes memory for a few rows at a time. ``on_progress`` is told after
    each row how much of the file is done, and how much it has.

    Raises ``DataError`` when there is no such linter or the file cannot be read as what it is
    named, ``DependencyError`` when a package is missing, and ``OSError``.
    """
    verifier = _Verifier(linters.get(linter), field, compat)
    for row in stored_rows(path, field):
        verifier.verify(row.number, row.content)
        if on_progress:
            on_progress(row.done, row.size)
    return verifier.report


class _Verifier:
    """Verifies row after row. The verdicts on states of one program are kept until the next."""

    def __init__(self, linter: Linter, field: str, compat: bool) -> None:
        self.report = Report(comparison=Comparison() if compat else None)
        self._linter = linter
        self._field = field
        self._program: str | None = None
        self._known: dict[str, list[Finding]] = {}

    def verify(self, number: int, row: object) -> None:
        self.report.rows += 1
        try:
            program, sequence, diffs = sequence_of(row, self._field)
        except UnusableRowError as error:
            self.report.unusable_rows += 1
            self.report.note(number, str(error))
            return
        self.report.sequences += 1
        if program != self._program:
            self._program = program
            self._known = {}
        try:
            edits, text = _read(sequence)
        except EditError as error:
            self.report.not_replayed += 1
            self.report.note(number, f"does not replay: {error}")
            if self.report.comparison and resolve(diffs) == _lines(program):
                self.report.comparison.refused += 1
            return
        if text != program:
            self.report.other_ends += 1
            self.report.note(number, f"ends in another program: {_difference(text, program)}")
        if self.report.comparison:
            _compare(diffs, _lines(text), self.report.comparison)
        self._judge(number, History(edits))

    def _judge(self, number: int, history: History) -> None:
        own: set[tuple[str, int | None]] | None = None
        for index, (state, places) in enumerate(history.states(), 1):
            self.report.states += 1
            try:
                findings = self._findings(state)
                if findings and own is None:
                    whole: list[int | None] = list(range(len(history.lines)))
                    own = {_identity(one, whole) for one in self._findings(history.text)}
            except CheckError as error:
                self.report.states_not_judged += 1
                self.report.note(number, f"edit {index}: {error}")
                continue
            new = [one for one in findings if _identity(one, places) not in (own or ())]
            if new:
                self.report.states_with_findings += 1
                said = f": {new[0].message}" if new[0].message else ""
                self.report.note(number, f"after edit {index}, line {new[0].line}{said}")

    def _findings(self, state: str) -> list[Finding]:
        if state not in self._known:
            self._known[state] = linters.findings(self._linter, state)
        return self._known[state]


def _read(sequence: str) -> tuple[list[Edit], str]:
    """Return the edits of a sequence and the program that they write."""
    buffer = Buffer()
    reader = LINTSEQ.reader(buffer)
    events = reader.feed(sequence) + reader.close()
    if not any(isinstance(event, SequenceEnded) for event in events):
        raise EditError("the sequence breaks off")
    return [event.edit for event in events if isinstance(event, EditRead)], buffer.text


def _identity(finding: Finding, places: Sequence[int | None]) -> tuple[str, int | None]:
    """Return the check and the line of the last state that a finding is about."""
    if not places:
        return finding.check, None
    return finding.check, places[min(max(finding.line, 1), len(places)) - 1]


def _lines(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n")


def _compare(diffs: list[str], lines: list[str], comparison: Comparison) -> None:
    if resolve(diffs) == lines:
        return
    comparison.differ += 1
    faults = faults_that_change(diffs)
    comparison.by_fault.update(fault.value for fault in faults)
    comparison.together += not faults


def _difference(text: str, program: str) -> str:
    """Say where two programs part."""
    mine, due = text.split("\n"), program.split("\n")
    for number, (one, other) in enumerate(zip(mine, due, strict=False), 1):
        if one != other:
            return f"line {number} is {_short(one)}, not {_short(other)}"
    return f"it has {len(mine)} lines, not {len(due)}"


def _short(line: str) -> str:
    return repr(line if len(line) <= 60 else line[:57] + "...")
