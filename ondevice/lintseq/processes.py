"""One worker process, seen from outside: started, given rows, listened to, and killed."""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ondevice
from ondevice.lintseq.rows import Outcome, Problem, Row, Settings

_COMMAND = "from ondevice.lintseq.worker import main; main()"


@dataclass(slots=True, eq=False)
class Task:
    """One row on its way through the pool; ``deaths`` counts processes lost at its programs."""

    row: Row
    outcome: Outcome | None = None
    failed: dict[int, Problem] = field(default_factory=dict)
    deaths: Counter[int | None] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Message:
    """What a process sent and when: it is ready, began a program, finished a row, or failed.

    With a row it says whether it wants to be replaced. None is its end.
    """

    process: Process
    content: str | int | tuple[Outcome, bool] | Exception | None
    time: float


class Process:
    """A worker process."""

    def __init__(
        self, settings: Settings, timeout: float, inbox: queue.SimpleQueue[Message]
    ) -> None:
        self.tasks: deque[Task] = deque()
        """What it has been given and not finished, first the row that it is at."""
        self.program: int | None = None
        """The program of that row that it is at, None before the first."""
        self.since = time.monotonic()
        self.ready = False
        self.overdue: tuple[Task, int | None] | None = None
        """What it was killed for."""
        self.rows = 0
        self.tired = False
        self._inbox = inbox
        self._popen = subprocess.Popen(
            [sys.executable, "-P", "-c", _COMMAND],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(os.environ),
            # Ctrl-C is for the process that was started by hand; this one is ended by that.
            start_new_session=os.name == "posix",
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        self._send((settings, timeout))
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def idle(self) -> bool:
        """Whether it can be given rows."""
        return self.ready and not self.tasks

    def give(self, tasks: list[Task]) -> None:
        """Give it rows to work at."""
        self.tasks.extend(tasks)
        self.program, self.since = None, time.monotonic()
        self._send([(task.row.number, task.row.line, task.failed) for task in tasks])

    def retire(self) -> None:
        """Let it end once nothing is left to do."""
        with contextlib.suppress(OSError):
            assert self._popen.stdin is not None
            self._popen.stdin.close()

    def kill(self) -> None:
        """End it, and what it started, now."""
        if self._popen.poll() is not None:
            return
        if sys.platform == "win32":
            self._popen.kill()
        else:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._popen.pid, signal.SIGKILL)

    def close(self) -> None:
        """Kill it, and wait until all of it is gone."""
        self.kill()
        self.retire()
        self._popen.wait()
        self._listener.join()
        assert self._popen.stdout is not None
        self._popen.stdout.close()

    def ending(self) -> str:
        """Wait for its end and return in words what that was."""
        code = self._popen.wait()
        if code >= 0:
            return f"exit code {code}"
        try:
            return signal.Signals(-code).name
        except ValueError:
            return f"signal {-code}"

    def _send(self, content: Any) -> None:
        assert self._popen.stdin is not None
        # Where it is dead, its end is on the way through the inbox.
        with contextlib.suppress(OSError):
            pickle.dump(content, self._popen.stdin, protocol=5)
            self._popen.stdin.flush()

    def _listen(self) -> None:
        assert self._popen.stdout is not None
        with contextlib.suppress(EOFError, pickle.UnpicklingError, OSError):
            while True:
                content = pickle.load(self._popen.stdout)
                self._inbox.put(Message(self, content, time.monotonic()))
        self._inbox.put(Message(self, None, time.monotonic()))


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which the same package is found, and sets have one order."""
    package = str(Path(ondevice.__file__).parent.parent)
    paths = [package, environment.get("PYTHONPATH", "")]
    return {
        **environment,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "PYTHONHASHSEED": "0",
    }
