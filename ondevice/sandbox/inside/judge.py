"""Lead one program through its tests, and say how that went."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from typing import IO, Any, Literal, Protocol

from ondevice.sandbox.inside.child import REPORT, STEP, TOKEN

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


def judge(process: Driven, steps: list[bytes], limits: Found, token: bytes) -> Found:
    """Send the tests when the program has come to its end; then end the process.

    ``steps`` are as ``ondevice.sandbox.tests`` makes them. Returns the fields of a verdict; a
    ``test_line`` counts through all tests.
    """
    start = time.monotonic()
    lead = _Lead(process, start + limits["seconds"], token)
    try:
        found = lead.through(steps)
    finally:
        code = process.end()
    seconds = time.monotonic() - start
    if found is None:
        found = _ending(code, seconds, limits)
    return {**found, "seconds": seconds}


class _Lead:
    def __init__(self, process: Driven, deadline: float, token: bytes) -> None:
        self._process = process
        self._deadline = deadline
        self._data = b""
        self._token = token
        self.acknowledged = 0

    def through(self, steps: list[bytes]) -> Found | None:
        """Return how it went; None where the process has just ended."""
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
