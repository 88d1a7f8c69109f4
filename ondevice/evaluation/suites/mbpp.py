"""MBPP (arXiv 2108.07732), full and sanitized: a sentence, judged by a list of assertions.

A row of the full file has ``task_id`` (a number), ``text``, ``code``, ``test_list`` and
``test_setup_code``; of the sanitized one ``prompt`` and ``test_imports`` (a list of statements)
instead of ``text`` and ``test_setup_code``. The tasks 11 to 510 are for testing, the others for
prompting, validation and training. The instruction is the sentence with the tests below it, which
alone tell how the function is called; so it is in the LintSeq paper (arXiv 2410.02749).
"""

from __future__ import annotations

from collections.abc import Iterable

from ondevice.errors import DataError
from ondevice.evaluation.suites.base import Problem
from ondevice.evaluation.suites.fields import Row
from ondevice.sandbox import Assertions

TESTING = range(11, 511)
"""The ids that are for testing, as the benchmark's own README divides them."""


def read(rows: Iterable[Row]) -> list[Problem]:
    """Return the problems for testing; raises ``DataError`` when there are none, or for a row that
    is no problem."""
    problems = [_problem(row, number) for row in rows if (number := _number(row)) in TESTING]
    if not problems:
        raise DataError(
            f"no row has a task_id from {TESTING.start} to {TESTING.stop - 1}, which are those for "
            "testing"
        )
    return problems


def _number(row: Row) -> int:
    value = row.value("task_id")
    if isinstance(value, bool) or not isinstance(value, int):
        raise row.wrong("task_id", "a whole number")
    return value


def _problem(row: Row, number: int) -> Problem:
    sentence = row.text("text") if "text" in row else row.text("prompt")
    tests = row.texts("test_list")
    setup = row.text("test_setup_code", "")
    if "test_imports" in row:
        setup = "\n".join(row.texts("test_imports"))
    return Problem(
        id=f"Mbpp/{number}",
        instruction="\n".join([sentence.strip(), *tests]),
        expect=Assertions(tests, setup),
        # Some lines end with \r\n there.
        reference=row.text("code").replace("\r\n", "\n"),
    )
