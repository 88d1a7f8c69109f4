"""What a suite is: problems, each with what is asked, what judges the answer, and one right answer.

A format module turns the rows of a file into ``Problem`` objects; everything after that (drawing,
judging, storing, scoring) is the same for all of them.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ondevice.errors import DataError, DependencyError
from ondevice.evaluation.suites.answers import completed, inserted
from ondevice.evaluation.suites.libraries import missing_of, package_of
from ondevice.sandbox import Expectation, Job, Limits, Sandbox


class Pending(Protocol):
    """What is known of a problem before its expected outputs are computed."""

    def settle(self, problem: Problem, sandbox: Sandbox, cache: Path | None) -> Problem:
        """Return the problem with what is expected; keep what was computed in a folder."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to write, or to change, with what judges the answer."""

    id: str
    instruction: str
    """What the model is asked."""
    expect: Expectation
    """What the program has to do."""
    entry_point: str | None = None
    """The function or class that the tests use, if there is one."""
    stub: str = ""
    """Code that an answer may go on from, as a completion."""
    reference: str | None = None
    """A whole program that is right, for the self-test."""
    source: str | None = None
    """The program to change, where the answer is edits of it."""
    variable: str | None = None
    """Set where the tests take the program as a text of this name, instead of after running it."""
    needs: tuple[str, ...] = ()
    """Top-level modules outside the standard library without which no answer can be judged."""
    seconds: float | None = None
    """Wall time that the program may take, where the suite says so."""
    first: Expectation | None = None
    """The first tests alone, where how many pass them is a figure of its own."""
    pending: Pending | None = None
    """Set where ``expect`` is yet to be computed from the reference; see ``Suite.settled``."""

    def program_of(self, answer: str) -> str:
        """Return the program that an answer comes to: what is judged."""
        if self.variable is not None:
            return inserted(answer)
        return completed(answer, self.stub, self.entry_point)

    def job(self, program: str, id: Any = None) -> Job:
        """Return what judges a program."""
        text = program if self.variable is None else f"{self.variable} = {program!r}\n"
        limits = None if self.seconds is None else Limits(seconds=self.seconds)
        return Job(text, self.expect, id=id, limits=limits)


@dataclass(frozen=True, slots=True)
class Suite:
    """The problems that are measured, and what was left out of those in the file, and why.

    ``digest`` is the SHA-256 of the file or files, ``remarks`` what must stand beside every figure.
    """

    name: str
    problems: tuple[Problem, ...]
    digest: str
    remarks: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    """Names of the first tests where they are figures of their own: EvalPlus's base tests."""
    parts: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By name: the ids of problems that have a figure of their own beside that of all."""

    @property
    def label(self) -> str:
        """The name, with what must stand beside it."""
        return f"{self.name} ({'; '.join(self.remarks)})" if self.remarks else self.name

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules outside the standard library that its programs are likely to import."""
        return tuple(sorted({name for problem in self.problems for name in problem.needs}))

    def only(self, limit: int | None = None, leave_out: Sequence[str] = ()) -> Suite:
        """Return the suite without some problems, and with only the first ones, labelled.

        Raises ``DataError`` for an id that is not there, and when nothing is left.
        """
        ids = {problem.id for problem in self.problems}
        if unknown := sorted(set(leave_out) - ids):
            raise DataError(f"the suite {self.name} has no problem {unknown[0]!r} to leave out")
        kept = [problem for problem in self.problems if problem.id not in set(leave_out)]
        remarks = list(self.remarks)
        if leave_out:
            remarks.append(f"without {', '.join(sorted(set(leave_out)))}")
        if limit is not None and limit < len(kept):
            kept = kept[:limit]
            remarks.append(f"first {limit}")
        if not kept:
            raise DataError(f"no problem of the suite {self.name} is left")
        return dataclasses.replace(self, problems=tuple(kept), remarks=tuple(remarks))

    def settled(self, sandbox: Sandbox, cache: Path | None = None) -> Suite:
        """Return the suite with the expected outputs that its references give computed.

        Raises ``CheckError`` for a reference that does not run.
        """
        if not any(problem.pending for problem in self.problems):
            return self
        problems = tuple(
            problem.pending.settle(problem, sandbox, cache) if problem.pending else problem
            for problem in self.problems
        )
        return dataclasses.replace(self, problems=problems)


def runnable(
    problems: Iterable[Problem], suite: str
) -> tuple[tuple[Problem, ...], tuple[str, ...]]:
    """Part problems from those whose libraries are not installed; return them, and remarks.

    Raises ``DependencyError`` when none can be run.
    """
    kept, absent, left_out = [], Counter[str](), 0
    for problem in problems:
        missing = missing_of(problem.needs)
        absent.update(missing)
        left_out += bool(missing)
        if not missing:
            kept.append(problem)
    if not left_out:
        return tuple(kept), ()
    packages = [package_of(name) for name, _ in absent.most_common()]
    if not kept:
        raise DependencyError(
            f"every problem of {suite} needs a package that is not installed; "
            f"pip install {' '.join(packages)}"
        )
    plural = "problem" if left_out == 1 else "problems"
    verb = "needs" if left_out == 1 else "need"
    return tuple(kept), (
        f"{left_out} {plural} left out that {verb} packages not installed: {', '.join(packages)}",
    )
