"""A program's process as the judge sees it: forked, waited for, and killed with all it started."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import time

_LATER = 0.002  # seconds between looks at a process where the system does not tell of its end


class Process:
    """A child of this process, and the pipes to it; made by ``fork``.

    ``first``: this process is the first of a namespace, so that it can end all others in it.
    """

    def __init__(self, pid: int, steps: int, acknowledgments: int, *, first: bool) -> None:
        self.pid = pid
        self._steps = steps
        self._acknowledgments = acknowledgments
        self._first = first
        self._code: int | None = None
        self._open = acknowledgments >= 0
        self._poll = select.poll()
        self._handle = -1
        with contextlib.suppress(AttributeError, OSError):
            self._handle = os.pidfd_open(pid)
            self._poll.register(self._handle, select.POLLIN)
        if self._open:
            os.set_blocking(steps, False)
            self._poll.register(acknowledgments, select.POLLIN)

    def receive(self, deadline: float) -> bytes | None:
        """Return what comes next, b"" if the process ended first. None: the deadline passed."""
        while True:
            wait = deadline - time.monotonic()
            if wait <= 0:
                return None
            if self._handle < 0:
                wait = min(wait, _LATER)
            ready = [descriptor for descriptor, _ in self._poll.poll(wait * 1000 + 1)]
            if self._acknowledgments in ready:
                if data := os.read(self._acknowledgments, 1 << 16):
                    return data
                self._poll.unregister(self._acknowledgments)
                self._open = False
            elif self._handle in ready or (self._handle < 0 and self._has_ended()):
                return b""

    def send(self, data: bytes, deadline: float) -> bool:
        """Give it a step; return whether it took it in time."""
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._steps, rest) :]
            except BlockingIOError:
                wait = deadline - time.monotonic()
                if wait <= 0:
                    return False
                select.select([], [self._steps], [], min(wait, 0.1))
            except BrokenPipeError:
                return False
        return True

    def end(self) -> int:
        """Kill it and all that it started; return its exit code, minus the signal that ended it."""
        if self._first:
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)
        else:
            for kill in (os.killpg, os.kill):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    kill(self.pid, signal.SIGKILL)
        self._reap()
        for descriptor in (self._handle, self._steps, self._acknowledgments):
            if descriptor >= 0:
                os.close(descriptor)
        assert self._code is not None
        return self._code

    def _has_ended(self) -> bool:
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _reap(self) -> None:
        """Wait for the process, then for those that it left behind, which are dying."""
        if self._code is None:
            self._code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, _ = os.waitpid(-1, 0 if self._first else os.WNOHANG)
                if not pid:
                    return


def fork(*, judged: bool, first: bool) -> tuple[Process | None, int, int]:
    """Fork; return the child and two -1, or, in the child, None and its ends of the pipes.

    Raises ``OSError`` where no more processes are to be had.
    """
    steps, acknowledgments = (os.pipe(), os.pipe()) if judged else ((-1, -1), (-1, -1))
    try:
        pid = os.fork()
    except OSError as error:
        for descriptor in (*steps, *acknowledgments):
            if descriptor >= 0:
                os.close(descriptor)
        raise OSError(errno.EAGAIN, f"cannot fork: {error}") from error
    mine, theirs = ((steps[1], acknowledgments[0]), (steps[0], acknowledgments[1]))
    if pid == 0:
        return None, *theirs
    for descriptor in theirs:
        if descriptor >= 0:
            os.close(descriptor)
    return Process(pid, *mine, first=first), -1, -1
