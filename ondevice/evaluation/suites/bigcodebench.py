"""BigCodeBench (arXiv 2406.15877): functions that use libraries, judged by unittest cases.

A row has ``task_id``, ``complete_prompt`` (imports, signature and docstring), ``instruct_prompt``
(the same in words), ``code_prompt`` (imports and signature), ``canonical_solution`` (what follows
on ``code_prompt``), ``test`` (code with a class ``TestCases``), ``entry_point`` and ``libs`` (the
text of a list). The instruction is ``complete_prompt`` or ``instruct_prompt``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from ondevice.evaluation.suites.base import Problem
from ondevice.evaluation.suites.fields import Row
from ondevice.evaluation.suites.libraries import foreign, imported_by
from ondevice.sandbox import Assertions

_RUN = "_run_test_cases"
_RUNNER = f"""

def {_RUN}(cases):
    import unittest
    found = unittest.defaultTestLoader.loadTestsFromTestCase(cases)
    result = unittest.TestResult()
    result.failfast = True
    found.run(result)
    for case, trace in [*result.errors, *result.failures]:
        raise AssertionError(case.id().rpartition(".")[2] + ": " + trace.strip().splitlines()[-1])
    if not result.testsRun or not result.wasSuccessful():
        raise AssertionError("no test was run")
"""


def read_complete(rows: Iterable[Row]) -> list[Problem]:
    """Return the problems, to be asked by signature and docstring; raises ``DataError``."""
    return [_problem(row, "complete_prompt") for row in rows]


def read_instruct(rows: Iterable[Row]) -> list[Problem]:
    """Return the problems, to be asked in words; raises ``DataError``."""
    return [_problem(row, "instruct_prompt") for row in rows]


def _problem(row: Row, prompt: str) -> Problem:
    code, test = row.text("code_prompt"), row.text("test")
    reference = code + row.text("canonical_solution")
    needs = foreign(_libraries(row)) | imported_by(reference) | imported_by(test)
    stub = row.text("complete_prompt")
    return Problem(
        id=row.text("task_id"),
        instruction=row.text(prompt).rstrip("\n"),
        expect=Assertions((f"{_RUN}(TestCases)",), test + _RUNNER),
        entry_point=row.text("entry_point"),
        stub=stub,
        reference=reference,
        needs=tuple(sorted(needs)),
    )


def _libraries(row: Row) -> list[str]:
    value = row.get("libs") or []
    try:
        names = ast.literal_eval(value) if isinstance(value, str) else value
    except (ValueError, SyntaxError):
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise row.wrong("libs", "a list of modules")
    return names
