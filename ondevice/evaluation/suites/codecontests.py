"""CodeContests (arXiv 2203.07814): programs that read stdin, judged by what they print.

A row has ``name``, ``description``, ``public_tests``, ``private_tests`` and ``generated_tests``
(each an object of two lists, ``input`` and ``output``), ``solutions`` (``language`` and
``solution``; language 3 is Python 3) and ``time_limit`` (``seconds`` and ``nanos``). All tests
count; output is compared by its tokens, white space apart. A time limit of the contest is kept,
but never below the ordinary one, since it was set for compiled languages on other machines. The
instruction is the description.
"""

from __future__ import annotations

from collections.abc import Iterable

from ondevice.evaluation.suites.base import Problem
from ondevice.evaluation.suites.fields import Row
from ondevice.sandbox import Limits, Output

_PYTHON3 = 3
_TESTS = ("public_tests", "private_tests", "generated_tests")


def read(rows: Iterable[Row]) -> list[Problem]:
    """Return the problems of a file; raises ``DataError`` for a row that is none."""
    return [_problem(row) for row in rows]


def _problem(row: Row) -> Problem:
    cases = tuple(case for name in _TESTS for case in _cases(row, name))
    if not cases:
        raise row.wrong(_TESTS[0], "a test")
    return Problem(
        id=row.text("name"),
        instruction=row.text("description").strip(),
        expect=Output(cases, exact=False),
        reference=_reference(row),
        seconds=_seconds(row),
    )


def _cases(row: Row, name: str) -> Iterable[tuple[str, str]]:
    tests = row.get(name)
    if tests is None:
        return ()
    wanted = "an object with the lists 'input' and 'output', equally long"
    if not isinstance(tests, dict):
        raise row.wrong(name, wanted)
    given, printed = tests.get("input"), tests.get("output")
    if not (isinstance(given, list) and isinstance(printed, list) and len(given) == len(printed)):
        raise row.wrong(name, wanted)
    if not all(isinstance(text, str) for text in (*given, *printed)):
        raise row.wrong(name, wanted)
    return zip(given, printed, strict=True)


def _reference(row: Row) -> str | None:
    """Return the first solution in Python 3; many problems have none."""
    solutions = row.get("solutions")
    if not isinstance(solutions, dict):
        return None
    pairs = zip(solutions.get("language") or (), solutions.get("solution") or (), strict=False)
    return next((text for language, text in pairs if language == _PYTHON3), None)


def _seconds(row: Row) -> float | None:
    limit = row.get("time_limit")
    if not isinstance(limit, dict):
        return None
    try:
        seconds = float(limit.get("seconds") or 0) + float(limit.get("nanos") or 0) / 1e9
    except (TypeError, ValueError):
        raise row.wrong("time_limit", "seconds and nanos") from None
    return max(seconds, Limits().seconds)
