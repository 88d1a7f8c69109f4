"""Linters for the refactoring: from a program to what is wrong with it."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import tempfile
from collections.abc import Callable

from ondevice import checks
from ondevice.errors import CheckError, DataError, DependencyError
from ondevice.events import Finding

Linter = Callable[[str], list[int]]
"""Returns the lines (from 1) that errors name, none for a clean program; raises ``CheckError``
when it could not judge, which never counts as clean."""

TIMEOUT = 60.0
"""Seconds that a linter in a process of its own may take for one state."""

# Whether an import is installed differs from machine to machine, and must not change a corpus.
_PYLINT_ARGUMENTS = [
    "--disable=C,R,import-error,no-name-in-module",
    f"--rcfile={os.devnull}",
    "--persistent=n",
]
_PYLINT_WARNINGS = frozenset({"W0311", "W0231"})
_PYLINT_CRASH = "F0002"
_PYLINT_SYNTAX = "E0001"
_PYLINT_FORGETS = 200
"""Runs after which pylint's growing caches are cleared, which takes most of a second."""
_pylint_runs = itertools.count(1)
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


def _pylint(program: str) -> list[Finding]:
    try:
        from pylint.lint import Run
        from pylint.reporters import CollectingReporter
    except ImportError as error:
        raise _missing("pylint") from error
    reporter = CollectingReporter()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "program.py")
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.write(program)
        forgets = next(_pylint_runs) % _PYLINT_FORGETS == 0
        arguments = [*_PYLINT_ARGUMENTS, f"--clear-cache-post-run={'ny'[forgets]}", path]
        try:
            Run(arguments, reporter=reporter, exit=False)
        except (Exception, SystemExit) as error:
            raise CheckError(f"pylint crashed: {type(error).__name__}: {error}") from error
    found = []
    for message in reporter.messages:
        if message.msg_id == _PYLINT_CRASH:
            raise CheckError(f"pylint crashed: {message.msg}")
        if message.msg_id == _PYLINT_SYNTAX and (errors := checks.syntax(program)):
            # Pylint names the line at which Python noticed, not the one that lacks something.
            found.append(Finding(message.msg_id, errors[0].line, message.msg))
            continue
        if message.msg_id[0] in "EF" or message.msg_id in _PYLINT_WARNINGS:
            found.append(Finding(message.msg_id, message.line, message.msg))
    return sorted(found, key=lambda finding: finding.line)


def _ruff(program: str) -> list[Finding]:
    try:
        from ruff import find_ruff_bin
    except ImportError as error:
        raise _missing("ruff") from error
    command = [
        *(find_ruff_bin(), "check", "--isolated", "--no-cache", "--output-format=json"),
        *(f"--select={_RUFF_RULES}", "--ignore-noqa", "--stdin-filename=program.py", "-"),
    ]
    try:
        done = subprocess.run(
            command, input=program.encode(), capture_output=True, timeout=TIMEOUT, check=False
        )
        rows = json.loads(done.stdout)
    except subprocess.TimeoutExpired as error:
        raise CheckError(f"ruff ran for more than {TIMEOUT:g} s") from error
    except (OSError, ValueError) as error:
        raise CheckError(f"ruff crashed: {error}") from error
    found = [
        Finding(row["code"] or "syntax", row["location"]["row"], row["message"]) for row in rows
    ]
    return sorted(found, key=lambda finding: finding.line)


def _missing(name: str) -> DependencyError:
    return DependencyError(f"the linter {name!r} is not installed: pip install 'ondevice[lintseq]'")


fast = _Linter("fast", checks.names)
"""Syntax, undefined and unbound names, judged in this process. Whether an import is installed is
no matter. In a refactoring it also minds what ``ondevice.lintseq.needs`` knows of."""

ruff = _Linter("ruff", _ruff)
"""Ruff's rules of what fails when it runs, in a process of its own."""

pylint = _Linter("pylint", _pylint)
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
