"""Linters for the refactoring: from a program to what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable

from ondevice import checks
from ondevice.checks.linters import pylint_findings, ruff_findings
from ondevice.errors import DataError
from ondevice.events import Finding

Linter = Callable[[str], list[int]]
"""Returns the lines (from 1) that errors name, none for a clean program; raises ``CheckError``
when it could not judge, which never counts as clean."""

# What fails when it runs: E9 and the syntax errors that need no code, F6 and F7 (statements out of
# place), F82 (undefined names), and pylint's errors.
_RUFF_RULES = "E9,F6,F7,F82,PLE"


class _Linter:
    """A linter by name; called, it returns the lines that are wrong."""

    def __init__(self, name: str, find: Callable[[str], list[Finding]]) -> None:
        self.name = name
        self.findings = find

    def __call__(self, program: str) -> list[int]:
        return sorted({finding.line for finding in self.findings(program)})

    def __repr__(self) -> str:
        return f"<linter {self.name}>"


def findings(linter: Linter, program: str) -> list[Finding]:
    """Return what a linter says; one that only names lines says nothing else of them."""
    if isinstance(linter, _Linter):
        return linter.findings(program)
    return [Finding("", line, "") for line in linter(program)]


def _ruff(program: str) -> list[Finding]:
    return ruff_findings(program, _RUFF_RULES)


fast = _Linter("fast", checks.names)
"""Syntax, undefined and unbound names, judged in this process. Whether an import is installed is
no matter. In a refactoring it also minds what ``ondevice.lintseq.needs`` knows of."""

ruff = _Linter("ruff", _ruff)
"""Ruff's rules of what fails when it runs, in a process of its own."""

pylint = _Linter("pylint", pylint_findings)
"""Pylint's errors and fatal messages, W0311 and W0231: the linter of arXiv 2410.02749.

Unlike there, an import that is not installed is no error, and a crash is not "clean"."""

none = _Linter("none", lambda program: [])
"""No linter: the paper's ablation, in which deletions are random."""

LINTERS: dict[str, Linter] = {linter.name: linter for linter in (fast, ruff, pylint, none)}


def get(name: str) -> Linter:
    """Return a linter by name; raises ``DataError`` for a name that is not known."""
    if name not in LINTERS:
        raise DataError(f"no linter is called {name!r}; there are {', '.join(LINTERS)}")
    return LINTERS[name]
