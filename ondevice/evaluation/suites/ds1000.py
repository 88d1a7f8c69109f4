"""DS-1000 (arXiv 2211.11501), in its simplified format: code to insert into a program that the
tests hold.

A row has ``prompt``, ``reference_code``, ``metadata`` (with ``problem_id`` and ``library``) and
``code_context``: code that defines ``test_execution(solution)`` and, for some,
``test_string(solution)``, which take the answer as text. So an answer is run by the tests, in
their own process; what a hostile one could do there, it is not kept from. The instruction is the
prompt; of the answer, what stands before its closing mark counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ondevice.evaluation.suites.base import Problem
from ondevice.evaluation.suites.fields import Row
from ondevice.evaluation.suites.libraries import foreign, imported_by
from ondevice.sandbox import Assertions

SOLUTION = "solution"
_MODULES = {
    "matplotlib": ("matplotlib",),
    "numpy": ("numpy",),
    "pandas": ("pandas",),
    "pytorch": ("torch",),
    "scipy": ("scipy",),
    "sklearn": ("sklearn",),
    "tensorflow": ("tensorflow",),
}
_IMPORT = re.compile(r"^\s*(?:from|import) +([A-Za-z_]\w*)", re.MULTILINE)
_STRING_TEST = re.compile(r"^def test_string\(", re.MULTILINE)


def read(rows: Iterable[Row]) -> list[Problem]:
    """Return the problems of a file; raises ``DataError`` for a row that is none."""
    return [_problem(row) for row in rows]


def _problem(row: Row) -> Problem:
    metadata, context = row.value("metadata"), row.text("code_context")
    if not isinstance(metadata, dict) or "problem_id" not in metadata:
        raise row.wrong("metadata", "an object with 'problem_id' and 'library'")
    tests = [f"test_execution({SOLUTION})"]
    if _STRING_TEST.search(context):
        tests.append(f"test_string({SOLUTION})")
    library = str(metadata.get("library", ""))
    # The program that the answer is inserted into is a string there, so its imports are, too.
    needs = imported_by(context) | foreign(_IMPORT.findall(context))
    return Problem(
        id=f"{library or 'DS-1000'}/{metadata['problem_id']}",
        instruction=row.text("prompt").strip("\n"),
        expect=Assertions(tuple(tests), context),
        reference=row.text("reference_code"),
        variable=SOLUTION,
        needs=tuple(sorted(needs | set(_MODULES.get(library.lower(), ())))),
    )
