"""Linters for the refactoring: from a program to the lines that an error names."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable

from ondevice import checks
from ondevice.errors import CheckError, DataError, DependencyError

Linter = Callable[[str], list[int]]
"""Returns the lines (from 1) that errors name, none for a clean program; raises ``CheckError``
when it could not judge, which never counts as clean."""

# Whether an import is installed differs from machine to machine, and must not change a corpus.
_PYLINT_ARGUMENTS = [
    "--disable=C,R,import-error,no-name-in-module",
    f"--rcfile={os.devnull}",
    "--persistent=n",
]
_PYLINT_WARNINGS = frozenset({"W0311", "W0231"})
_PYLINT_CRASH = "F0002"


def fast(program: str) -> list[int]:
    """Syntax, undefined and unbound names, judged in this process."""
    return sorted({finding.line for finding in checks.names(program)})


def pylint(program: str) -> list[int]:
    """Pylint's errors and fatal messages, W0311 and W0231: the linter of arXiv 2410.02749.

    Unlike there, an import that is not installed is no error, and a crash is not "clean".
    """
    try:
        from pylint.lint import Run
        from pylint.reporters import CollectingReporter
    except ImportError as error:
        raise DependencyError(
            "the linter 'pylint' is not installed: pip install 'ondevice[lintseq]'"
        ) from error
    reporter = CollectingReporter()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "program.py")
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.write(program)
        try:
            Run([*_PYLINT_ARGUMENTS, path], reporter=reporter, exit=False)
        except (Exception, SystemExit) as error:
            raise CheckError(f"pylint crashed: {type(error).__name__}: {error}") from error
    lines = set()
    for message in reporter.messages:
        if message.msg_id == _PYLINT_CRASH:
            raise CheckError(f"pylint crashed: {message.msg}")
        if message.msg_id[0] in "EF" or message.msg_id in _PYLINT_WARNINGS:
            lines.add(message.line)
    return sorted(lines)


def none(program: str) -> list[int]:
    """No linter: the paper's ablation, in which deletions are random."""
    return []


LINTERS: dict[str, Linter] = {"fast": fast, "pylint": pylint, "none": none}


def get(name: str) -> Linter:
    """Return a linter by name; raises ``DataError`` for a name that is not known."""
    if name not in LINTERS:
        raise DataError(f"no linter is called {name!r}; there are {', '.join(LINTERS)}")
    return LINTERS[name]
