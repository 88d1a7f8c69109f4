"""Tests as a program's process gets them: compiled, with lines that no program has."""

from __future__ import annotations

import marshal
import types

from ondevice.sandbox.inside.limits import SHIFT


def compiled(tests: list[str]) -> list[bytes]:
    """Return the steps that the tests are: one, or each its own where they cannot be joined.

    Raises what ``compile`` does, for tests that are no Python.
    """
    joined = "\n".join(tests)
    try:
        codes = [compile(joined, "<tests>", "exec", dont_inherit=True)]
    except SyntaxError:
        codes = [compile(test, "<tests>", "exec", dont_inherit=True) for test in tests]
    first, steps = 0, []
    for code, source in zip(codes, [joined] if len(codes) == 1 else tests, strict=True):
        steps.append(marshal.dumps(_shifted(code, SHIFT + first)))
        first += source.count("\n") + 1
    return steps


def locate(line: int, tests: list[str]) -> tuple[int, int]:
    """Return which test a line of all of them is in, from 0, and where in it, from 1."""
    for number, test in enumerate(tests):
        lines = test.count("\n") + 1
        if line <= lines:
            return number, line
        line -= lines
    return len(tests) - 1, line


def _shifted(code: types.CodeType, lines: int) -> types.CodeType:
    constants = tuple(
        _shifted(one, lines) if isinstance(one, types.CodeType) else one for one in code.co_consts
    )
    return code.replace(co_firstlineno=code.co_firstlineno + lines, co_consts=constants)
