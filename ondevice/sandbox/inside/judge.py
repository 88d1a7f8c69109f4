"""Lead one program through its tests, and say how that went."""

from __future__ import annotations

import contextlib
import json
import marshal
import os
import signal
import time
import types
from typing import IO, Any, Literal, Protocol

from ondevice.sandbox.inside.child import REPORT, STEP, TOKEN
from ondevice.sandbox.inside.guard import SHIFT

_GRACE = 0.25
"""Seconds beyond its limit of processor time in which a process is told from one that is slow."""
_ACKNOWLEDGMENT = TOKEN + len(STEP % 0)
_MOST = 1 << 16
_WINDOW = 256
"""Tests that are sent at once; so many acknowledgments fit into a pipe."""

Found = dict[str, Any]


class Driven(Protocol):
    """A program's process, forked or spawned."""

    def receive(self, deadline: float) -> bytes | None:
        """Return what comes next, b"" if the process ended first. None: the deadline passed."""

    def send(self, data: bytes, deadline: float) -> bool:
        """Give it a step; return whether it took it in time."""

    def end(self) -> int:
        """Kill it and all that it started; return its exit code, minus the signal that ended it."""


def judge(process: Driven, tests: list[str], limits: Found, token: bytes) -> Found:
    """Send the tests when the program has come to its end; then end the process.

    Returns the fields of a verdict; ``test`` counts from 0, and is None where no test was begun or
    it is not known which.
    """
    start = time.monotonic()
    lead = _Lead(process, start + limits["seconds"], token)
    try:
        found = lead.through(tests)
    finally:
        code = process.end()
    seconds = time.monotonic() - start
    if found is None:
        found = _ending(code, seconds, limits)
    found = {"test": None, "test_line": None, **found, "seconds": seconds}
    if found["test_line"] is not None:
        found["test"], found["test_line"] = _at(found["test_line"], tests)
    return found


class _Lead:
    def __init__(self, process: Driven, deadline: float, token: bytes) -> None:
        self._process = process
        self._deadline = deadline
        self._data = b""
        self._token = token
        self.acknowledged = 0

    def through(self, tests: list[str]) -> Found | None:
        """Return how it went; None where the process has just ended."""
        try:
            steps = _compiled(tests)
        except (SyntaxError, ValueError, RecursionError) as error:
            return {"status": "error", "reason": f"the tests do not compile: {error}"}
        sent = 0
        while self.acknowledged <= len(steps):
            found = self._acknowledgment()
            if found is not True:
                return found
            self.acknowledged += 1
            # Several at once, for each wait is a change of processes. What a program takes out of
            # the pipe does not help it: the tests that are missing then are not acknowledged.
            if sent < self.acknowledged and sent < len(steps):
                more = b"".join(steps[sent : sent + _WINDOW])
                sent += _WINDOW
                if not self._process.send(more, self._deadline) and self._late():
                    return {"status": "timeout"}
        return {"status": "passed"}

    def _late(self) -> bool:
        return time.monotonic() >= self._deadline

    def _acknowledgment(self) -> Found | Literal[True] | None:
        """Return True when the step has come to its end, else as ``through``."""
        size = _ACKNOWLEDGMENT
        while len(self._data) < size or self._data[:1] == REPORT:
            if len(self._data) > _MOST:
                break
            data = self._process.receive(self._deadline)
            if data is None:
                return {"status": "timeout"}
            if not data:
                return _reported(self._data) if self._data else None
            self._data += data
        if self._data[:1] == REPORT:
            return {"status": "escaped", "reason": "flooded the judge"}
        given, self._data = self._data[:size], self._data[size:]
        if given == self._token + STEP % self.acknowledged:
            return True
        return {"status": "escaped", "reason": "wrote to the judge what only the judge may"}


def _compiled(tests: list[str]) -> list[bytes]:
    """Return the steps that the tests are: one, or each its own where they cannot be joined."""
    joined = "\n".join(tests)
    try:
        codes = [compile(joined, "<tests>", "exec", dont_inherit=True)]
    except SyntaxError:
        codes = [compile(test, "<tests>", "exec", dont_inherit=True) for test in tests]
    first, shifted = 0, []
    for code, source in zip(codes, [joined] if len(codes) == 1 else tests, strict=True):
        shifted.append(marshal.dumps(_shifted(code, SHIFT + first)))
        first += source.count("\n") + 1
    return shifted


def _at(line: int, tests: list[str]) -> tuple[int, int]:
    """Return which test a line of all of them is in, from 0, and where in it, from 1."""
    for number, test in enumerate(tests):
        lines = test.count("\n") + 1
        if line <= lines:
            return number, line
        line -= lines
    return len(tests) - 1, line


def _shifted(code: types.CodeType, lines: int) -> types.CodeType:
    """Number the lines of tests where no program has any."""
    constants = tuple(
        _shifted(one, lines) if isinstance(one, types.CodeType) else one for one in code.co_consts
    )
    return code.replace(co_firstlineno=code.co_firstlineno + lines, co_consts=constants)


def _reported(data: bytes) -> Found:
    """Read what the program's process says of its failure; it is not to be trusted."""
    said: Any = None
    if data[:1] == REPORT:
        with contextlib.suppress(ValueError, RecursionError):
            said = json.loads(data[1:])
    if not isinstance(said, dict):
        return {"status": "escaped", "reason": "wrote to the judge what only the judge may"}
    kind = said.get("kind")
    found: Found = {"status": "error", "reason": str(said.get("reason", ""))[:300]}
    found |= {name: said[name] for name in ("line", "test_line") if isinstance(said.get(name), int)}
    if said.get("threads") is True:
        found["status"] = "escaped"
    elif kind == "SystemExit":
        code = said.get("code")
        code = 0 if code is None else code if isinstance(code, int) else 1
        found |= {"status": "exited", "reason": _exit(code), "line": None}
    elif kind == "MemoryError":
        found["status"] = "memory"
    elif kind == "AssertionError":
        found["status"] = "failed"
    return found


def _exit(code: int) -> str:
    return f"exit code {code}" if code else "exited before the last test"


def _ending(code: int, seconds: float, limits: Found) -> Found:
    """Say how a process ended that said nothing."""
    if code >= 0:
        return {"status": "exited", "reason": _exit(code)}
    return _killed(-code, seconds, limits)


def _killed(number: int, seconds: float, limits: Found) -> Found:
    """Say why a process was ended by a signal."""
    cpu = limits["cpu"] or limits["seconds"]
    names = {int(one): one.name for one in signal.Signals}
    name = names.get(number, f"signal {number}")
    if name == "SIGXCPU" or (name == "SIGKILL" and seconds + _GRACE >= cpu):
        return {"status": "timeout", "reason": f"used more than {cpu:g} s of processor time"}
    return {"status": "crashed", "reason": f"ended by {name}"}


def script_answer(
    stdout: IO[bytes], stderr: IO[bytes], code: int, seconds: float, limits: Found, *, late: bool
) -> Found:
    """Say how a script ended, and what it printed."""
    texts = {"stdout": _content(stdout, limits), "stderr": _content(stderr, limits)}
    full = max(os.fstat(file.fileno()).st_size for file in (stdout, stderr))
    found: Found = {"status": "ended", "reason": ""}
    if late:
        found["status"] = "timeout"
    elif full >= limits["output"]:
        found["status"] = "output"
    elif code < 0:
        found = _killed(-code, seconds, limits)
    return {**found, "code": None if late else code, **texts, "seconds": seconds}


def _content(file: IO[bytes], limits: Found) -> str:
    file.seek(0)
    return file.read(limits["output"]).decode("utf-8", "replace")
