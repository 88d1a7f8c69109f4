"""HumanEval (arXiv 2107.03374): functions to be completed, judged by ``check(candidate)``.

A row has ``task_id``, ``prompt`` (a signature with its docstring), ``entry_point``,
``canonical_solution`` (what follows on the prompt) and ``test`` (code that defines ``check``).
The instruction is the prompt itself, as in the LintSeq paper (arXiv 2410.02749).
"""

from __future__ import annotations

from collections.abc import Iterable

from ondevice.evaluation.suites.base import Problem
from ondevice.evaluation.suites.fields import Row
from ondevice.sandbox import Harness


def read(rows: Iterable[Row]) -> list[Problem]:
    """Return the problems of a HumanEval file; raises ``DataError`` for a row that is none."""
    return [_problem(row) for row in rows]


def _problem(row: Row) -> Problem:
    prompt, entry_point = row.text("prompt"), row.text("entry_point")
    return Problem(
        id=row.text("task_id"),
        instruction=prompt.rstrip("\n"),
        expect=Harness(row.text("test"), entry_point),
        entry_point=entry_point,
        stub=prompt,
        reference=prompt + row.text("canonical_solution"),
    )
