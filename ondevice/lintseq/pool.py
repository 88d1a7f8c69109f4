"""Worker processes that refactor rows, in the order of the source, whatever becomes of one.

A process that dies is replaced, and the program that it was at tried once more: somebody else may
have killed it. The second time, and at once when it ran past its limit, the program is rejected
and the rest goes on.
"""

from __future__ import annotations

import contextlib
import itertools
import queue
import time
from collections import deque
from collections.abc import Iterable, Iterator

from ondevice.errors import CheckError, OndeviceError
from ondevice.lintseq.processes import Message, Process, Task
from ondevice.lintseq.rows import Outcome, Problem, Row, Settings, refactor_row
from ondevice.lintseq.worker import READY

_CHUNK_ROWS = 16
_CHUNK_BYTES = 1 << 20
_AHEAD_ROWS = 256
"""Rows a worker that may be under way, so that one slow program does not stop the others."""
_HELD_BYTES = 64 << 20
_DEATHS = 2
_STARTS = 3
"""Processes that end before they are ready, after which no more are started."""
_SERVICE = 5_000
"""Rows after which a process is replaced: not every system tells how much memory it has taken."""


class Pool:
    """Up to so many worker processes; they are started as they are needed.

    With 0 workers the rows are refactored in this process, without limits of time.
    """

    def __init__(self, settings: Settings, workers: int, timeout: float) -> None:
        self._settings = settings
        self._workers = workers
        self._timeout = timeout
        self._inbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._processes: list[Process] = []
        self._todo: deque[list[Task]] = deque()
        self._stillborn = 0

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End all processes."""
        for process in self._processes:
            process.kill()  # all at once; waiting comes after
        for process in self._processes:
            process.close()
        self._processes.clear()
        self._todo.clear()

    def outcomes(self, rows: Iterable[Row]) -> Iterator[tuple[Row, Outcome]]:
        """Yield what becomes of rows, in their order.

        Raises what is the same for every row: ``DependencyError``, and ``CheckError`` when no
        process can be started.
        """
        if not self._workers:
            yield from ((row, self._here(row)) for row in rows)
            return
        rows = iter(rows)
        window: deque[Task] = deque()  # in the order of the source
        held = 0
        more = True
        while True:
            while more and len(window) < _AHEAD_ROWS * self._workers and held < _HELD_BYTES:
                chunk = _chunk(rows)
                more = bool(chunk)
                window += chunk
                held += sum(len(task.row.line) for task in chunk)
                self._todo.append([task for task in chunk if not task.outcome])
            self._assign()
            if not window:
                return
            if window[0].outcome is None:
                self._attend()
            while window and (outcome := window[0].outcome) is not None:
                task = window.popleft()
                held -= len(task.row.line)
                yield task.row, outcome

    def _here(self, row: Row) -> Outcome:
        outcome = _unreadable(row)
        return outcome or refactor_row(row.number, row.line, self._settings)

    def _assign(self) -> None:
        """Give chunks to idle processes, and start processes for those that remain."""
        idle = (process for process in self._processes if process.idle)
        while self._todo:
            if not self._todo[0]:
                self._todo.popleft()
            elif process := next(idle, None):
                process.give(self._todo.popleft())
            else:
                break
        starting = sum(not process.ready for process in self._processes)
        wanted = min(len(self._todo) - starting, self._workers - len(self._processes))
        for _ in range(wanted):
            self._processes.append(Process(self._settings, self._timeout, self._inbox))

    def _attend(self) -> None:
        """Wait for a message and take it, or kill who has sent none for too long."""
        begun = [process.since for process in self._processes if process.tasks]
        wait = min(begun, default=time.monotonic()) + self._timeout - time.monotonic()
        try:
            message = self._inbox.get(timeout=min(max(wait, 0.01), 3600.0))
        except queue.Empty:
            self._kill_overdue()
            return
        self._take(message)
        # Those that come in at the same time; a process is not overdue if its message waits here.
        with contextlib.suppress(queue.Empty):
            while True:
                self._take(self._inbox.get_nowait())
        self._kill_overdue()

    def _take(self, message: Message) -> None:
        process, content = message.process, message.content
        if process not in self._processes:
            return
        process.since = message.time
        if isinstance(content, tuple):
            process.tasks.popleft().outcome, tired = content
            process.program = None
            process.rows += 1
            process.tired |= tired or process.rows >= _SERVICE
            if process.tired and not process.tasks:
                process.ready = False
                process.retire()
        elif isinstance(content, int):
            process.program = content
        elif content == READY:
            process.ready = True
            self._stillborn = 0
        elif isinstance(content, Exception):
            raise content if isinstance(content, OndeviceError) else CheckError(str(content))
        else:
            self._bury(process)

    def _kill_overdue(self) -> None:
        now = time.monotonic()
        for process in self._processes:
            if process.tasks and not process.overdue and now - process.since > self._timeout:
                process.overdue = process.tasks[0], process.program
                process.kill()

    def _bury(self, process: Process) -> None:
        """Put the rows of a process that ended back, less what it ended of."""
        self._processes.remove(process)
        ending = process.ending()
        process.close()
        if not process.ready and not process.rows:
            self._stillborn += 1
            if self._stillborn >= _STARTS:
                raise CheckError(f"no worker process can be started: {ending}")
        if not process.tasks:
            return
        task, program = process.tasks[0], process.program
        if process.overdue == (task, program):
            _fail(task, program, Problem("timed out", f"ran for more than {self._timeout:g} s"))
        elif not process.overdue:
            task.deaths[program] += 1
            if task.deaths[program] >= _DEATHS:
                _fail(task, program, Problem("crashed", f"the process died of it: {ending}"))
        self._todo.appendleft([task for task in process.tasks if not task.outcome])


def _chunk(rows: Iterator[Row]) -> list[Task]:
    chunk = []
    size = 0
    for row in itertools.islice(rows, _CHUNK_ROWS):
        chunk.append(Task(row, _unreadable(row)))
        size += len(row.line)
        if size >= _CHUNK_BYTES:
            break
    return chunk


def _unreadable(row: Row) -> Outcome | None:
    if not row.problem:
        return None
    outcome = Outcome()
    outcome.reject(row.number, None, row.problem)
    return outcome


def _fail(task: Task, program: int | None, problem: Problem) -> None:
    """Reject one program, so that the row is tried again without it, or the whole row."""
    if program is None:
        task.outcome = Outcome()
        task.outcome.reject(task.row.number, None, problem)
    else:
        task.failed[program] = problem
