"""Ruff and pylint, asked about a program; both are in the extra ``checks``."""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading

from ondevice.checks.python import syntax
from ondevice.errors import CheckError, DependencyError
from ondevice.events import Finding

TIMEOUT = 60.0
"""Seconds that ruff may take for one program."""

# Whether an import is installed differs from machine to machine, and must not change a verdict.
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
_pylint_lock = threading.Lock()  # those caches belong to the process
# What its community calls broken code; and the newest Python that all its releases here know.
_RUFF_RULES = "E9,F63,F7,F82"
_RUFF_PYTHON = f"py3{min(sys.version_info.minor, 13)}"


class Ruff:
    """A check by ruff's rules of broken code: E9, F63, F7 and F82."""

    __name__ = "ruff"

    def __init__(self) -> None:
        """Raise ``DependencyError`` where ruff is not installed."""
        find_ruff()

    def __call__(self, text: str) -> list[Finding]:
        """Return what is broken; raise ``CheckError`` when ruff crashes or runs for too long."""
        return _named("ruff", ruff_findings(text, _RUFF_RULES, f"--target-version={_RUFF_PYTHON}"))


class Pylint:
    """A check by pylint's errors and fatal messages, W0311 and W0231, as in arXiv 2410.02749."""

    __name__ = "pylint"

    def __init__(self) -> None:
        """Raise ``DependencyError`` where pylint is not installed."""
        if importlib.util.find_spec("pylint") is None:
            raise _missing("pylint")

    def __call__(self, text: str) -> list[Finding]:
        """Return the messages about a program; raise ``CheckError`` when pylint crashes."""
        return _named("pylint", pylint_findings(text))


def pylint_findings(program: str) -> list[Finding]:
    """Return pylint's messages, each under its code, in the order of lines.

    Raises ``CheckError`` when it crashes, ``DependencyError`` when it is not installed.
    """
    try:
        from pylint.lint import Run
        from pylint.reporters import CollectingReporter
    except ImportError as error:
        raise _missing("pylint") from error
    reporter = CollectingReporter()
    with _pylint_lock, tempfile.TemporaryDirectory() as folder:
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
        if message.msg_id == _PYLINT_SYNTAX and (errors := syntax(program)):
            # Pylint names the line at which Python noticed, not the one that lacks something.
            found.append(Finding(message.msg_id, errors[0].line, message.msg))
            continue
        if message.msg_id[0] in "EF" or message.msg_id in _PYLINT_WARNINGS:
            found.append(Finding(message.msg_id, message.line, message.msg))
    return sorted(found, key=lambda finding: finding.line)


def ruff_findings(program: str, rules: str, *options: str) -> list[Finding]:
    """Return what ruff says by some rules, each under its code, in the order of lines.

    Neither the user's configuration nor remarks in the program count. Raises ``CheckError`` when
    ruff crashes or runs for too long, ``DependencyError`` when it is not installed.
    """
    command = [
        *(find_ruff(), "check", "--isolated", "--no-cache", "--output-format=json", *options),
        *(f"--select={rules}", "--ignore-noqa", "--stdin-filename=program.py", "-"),
    ]
    # Its settings also come by the environment, the file that takes the output among them.
    environment = {name: v for name, v in os.environ.items() if not name.startswith("RUFF_")}
    try:
        done = subprocess.run(
            command,
            input=program.encode(),
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
            env=environment,
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


def find_ruff() -> str:
    """Return the path of the ruff program, that of the package before one on the ``PATH``.

    Raises ``DependencyError`` where there is neither.
    """
    try:
        from ruff import find_ruff_bin

        return str(find_ruff_bin())
    except (ImportError, FileNotFoundError) as error:
        if path := shutil.which("ruff"):
            return path
        raise _missing("ruff") from error


def _named(check: str, findings: list[Finding]) -> list[Finding]:
    return [Finding(check, found.line, f"{found.message} ({found.check})") for found in findings]


def _missing(name: str) -> DependencyError:
    return DependencyError(f"{name} is not installed: pip install 'ondevice[checks]'")
