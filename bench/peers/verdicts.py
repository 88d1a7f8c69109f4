"""What pylint says of a program, at the reference's settings, as a fresh process would say it.

Pylint remembers what it inferred, and a program can change what it knows of others (an assignment
to a module's attribute does). So each program is judged in a fork of a process that has loaded
pylint and the modules that programs import, but has judged none, and does nothing else.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

TIMEOUT = 120
"""Seconds of the processor that pylint may take for one state."""

ARGUMENTS = [
    "--disable=all",
    "--enable=E,F,W0311,W0231",
    "--disable=import-error,no-name-in-module",
    f"--rcfile={os.devnull}",
    "--persistent=n",
]
_CRASH = "F0002"


class Message(NamedTuple):
    """A message: its identifier, symbol, line from 1, and text."""

    identifier: str
    symbol: str
    line: int
    text: str


class PylintJudge:
    """Judges programs; the same text is judged once."""

    def __init__(self) -> None:
        self._known: dict[bytes, list[Message] | None] = {}
        self._process: subprocess.Popen[str] | None = None

    def judge(self, program: str) -> list[Message] | None:
        """Return what pylint says; None where it crashed or ran for too long."""
        key = hashlib.sha256(program.encode("utf-8", "surrogatepass")).digest()
        if key not in self._known:
            answer = self._asked(program)
            self._known[key] = None if answer is None else [Message(*parts) for parts in answer]
        return self._known[key]

    def load(self, program: str) -> None:
        """Load the modules that a program imports, for this and all later states."""
        names = set()
        for node in ast.walk(ast.parse(program)):
            if isinstance(node, ast.Import):
                names.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module)
        self._asked(sorted(names))

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.communicate()
            self._process = None

    def _asked(self, request: str | list[str]) -> Any:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _START, str(Path(__file__).parents[1])],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=tempfile.gettempdir(),
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("the process that judges has ended; what it said stands above")
        return json.loads(answer)


# The folder of this package is no place where programs may find their imports.
_START = """
import sys
sys.path.append(sys.argv[1])
from peers.verdicts import serve
sys.path.remove(sys.argv[1])
serve()
"""


def serve() -> None:
    """Answer lines of JSON: the names of modules to load, or the text of a program to judge."""
    import astroid
    from pylint.lint import Run
    from pylint.reporters import CollectingReporter

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever pylint prints is no answer
    # Judging nothing once makes it load its plug-ins and its picture of the builtins.
    linter = Run([*ARGUMENTS, os.devnull], reporter=CollectingReporter(), exit=False).linter
    for line in sys.stdin:
        request = json.loads(line)
        if isinstance(request, str):
            answer = _forked(linter, request)
        else:
            answer = None
            for name in request:
                with contextlib.suppress(Exception):  # not installed: pylint will find so, too
                    astroid.MANAGER.ast_from_module_name(name)
        print(json.dumps(answer), file=answers, flush=True)


def _forked(linter: Any, program: str) -> list[Any] | None:
    source, sink = os.pipe()
    child = os.fork()
    if not child:
        try:
            signal.setitimer(signal.ITIMER_PROF, TIMEOUT)  # its signal ends the process
            os.close(source)
            with open(sink, "w", encoding="ascii") as pipe:
                json.dump(_messages(linter, program), pipe)
        finally:
            os._exit(0)
    os.close(sink)
    with open(source, encoding="ascii") as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    try:
        found: list[Any] = json.loads(answer)
    except ValueError:
        return None
    return None if any(message[0] == _CRASH for message in found) else found


def _messages(linter: Any, program: str) -> list[Message]:
    linter.reporter.messages.clear()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "program.py")
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.write(program)
        linter.check([path])
    return [Message(m.msg_id, m.symbol, m.line, m.msg) for m in linter.reporter.messages]


def judge_afresh(program: str) -> list[Message] | None:
    """Judge in a process of its own, as the command line does: the slow way, to compare with."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "program.py")
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.write(program)
        done = subprocess.run(
            [sys.executable, "-m", "pylint", *ARGUMENTS, "--output-format=json", path],
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
        )
    rows = json.loads(done.stdout)
    return [Message(row["message-id"], row["symbol"], row["line"], row["message"]) for row in rows]
