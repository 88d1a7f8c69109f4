"""The sandbox from outside: a few workers, and the jobs that they judge."""

from __future__ import annotations

import os
import queue
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict
from types import TracebackType
from typing import Any, Self

from ondevice.errors import ClosedError, RequestError
from ondevice.sandbox.job import Assertions, Harness, Job, Limits, Outcome, Output, Verdict
from ondevice.sandbox.tests import compiled, locate
from ondevice.sandbox.worker import Worker, WorkerLostError

PROTECTIONS = {
    "cpu": "limits processor time",
    "memory": "limits memory",
    "output": "limits the size of output and files",
    "disk": "limits all files together",
    "processes": "limits processes and threads",
    "files": "limits open files",
    "leftovers": "ends whoever left the program's process group",
    "others": "hides all other processes",
    "network": "refuses the network",
    "reading": "refuses to read files outside",
    "writing": "refuses to write files outside",
    "kernel": "refuses debugging, mounts and the like",
    "user": "runs programs as an ordinary user",
}
"""What a sandbox may protect, by the names that ``Sandbox.protections`` uses."""
_AHEAD = 2
"""Jobs that wait while each worker is at one."""


class Sandbox:
    """A pool of ``workers`` that judge programs, each in a process of its own.

    Workers start when they are first needed. ``preload`` names modules that programs are likely to
    import: they are imported once for all; what is not installed is left out. ``native`` lets
    programs use ctypes, as some packages do; it opens a way to forge verdicts. ``fork`` False
    starts a new interpreter for each program, which is all that Windows can do.

    Threads may share a sandbox. Raises ``RequestError`` for fewer workers than one.
    """

    def __init__(
        self,
        *,
        workers: int = 1,
        limits: Limits | None = None,
        preload: tuple[str, ...] = (),
        native: bool = False,
        fork: bool = hasattr(os, "fork"),
    ) -> None:
        if workers < 1:
            raise RequestError(f"a sandbox needs at least one worker, not {workers}")
        self.limits = limits or Limits()
        self._workers = [
            Worker(preload, self.limits.disk, native=native, fork=fork) for _ in range(workers)
        ]
        self._idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        for worker in reversed(self._workers):
            self._idle.put(worker)
        self._closed = False

    @property
    def protections(self) -> dict[str, str]:
        """What keeps a program where it belongs on this machine: from what, and by what means.

        Starts a worker. Keys are among ``PROTECTIONS``; what is missing is not protected here.
        Raises ``CheckError`` if no worker can start.
        """
        worker = self._take()
        try:
            worker.start()
            return dict(worker.protections)
        finally:
            self._idle.put(worker)

    def judge(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Verdict]]:
        """Judge jobs and yield them with their verdicts as they end, in any order.

        ``jobs`` is advanced in the caller's thread, by no more than a few jobs ahead of what has
        been yielded. An iteration that is given up waits for the jobs that have begun. Raises as
        ``judge_one``.
        """
        waiting: dict[Future[Verdict], Job] = {}
        source = iter(jobs)
        more = True
        with ThreadPoolExecutor(len(self._workers)) as threads:
            try:
                while True:
                    while more and len(waiting) < len(self._workers) + _AHEAD:
                        job = next(source, None)
                        more = job is not None
                        if job is not None:
                            waiting[threads.submit(self.judge_one, job)] = job
                        if any(future.done() for future in waiting):
                            break
                    if not waiting:
                        return
                    for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                        yield waiting.pop(future), future.result()
            finally:  # where the caller has seen enough
                for future in waiting:
                    future.cancel()

    def judge_one(self, job: Job) -> Verdict:
        """Judge one job. Raises ``CheckError`` if no worker can start, ``ClosedError``."""
        if isinstance(job.expect, Output):
            return self._judge_output(job, job.expect)
        setup, tests, stdin = _tests(job.expect)
        try:
            steps = compiled([*setup, *tests])
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            return Verdict(False, "error", f"the tests do not compile: {error}")
        answer = self._ask(self._request("tests", job.program, stdin, job.limits), steps)
        return _verdict(answer, job, setup, tests, job.limits or self.limits)

    def run(self, program: str, stdin: str = "", limits: Limits | None = None) -> Outcome:
        """Run a program as a script and return how it ended and what it printed.

        Raises as ``judge_one``.
        """
        answer = self._ask(self._request("script", program, stdin, limits))
        seconds = round(answer["seconds"], 4)
        if answer["status"] == "escaped":
            return Outcome("escaped", None, "", "", seconds)
        return Outcome(
            answer["status"], answer["code"], answer["stdout"], answer["stderr"], seconds
        )

    def close(self) -> None:
        """End the workers and all that runs in them."""
        self._closed = True
        for worker in self._workers:
            worker.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _judge_output(self, job: Job, expect: Output) -> Verdict:
        seconds = 0.0
        limits = job.limits or self.limits
        for number, (stdin, stdout) in enumerate(expect.cases):
            outcome = self.run(job.program, stdin, limits)
            seconds += outcome.seconds
            if fault := _fault(outcome, stdout, limits, exact=expect.exact):
                return Verdict(False, *fault, seconds, number, test=number)
        return Verdict(True, "passed", "", seconds, len(expect.cases))

    def _request(
        self, kind: str, program: str, stdin: str, limits: Limits | None
    ) -> dict[str, Any]:
        return {
            "kind": kind,
            "program": program,
            "stdin": stdin,
            "limits": asdict(limits or self.limits),
        }

    def _ask(self, request: dict[str, Any], *more: Any) -> dict[str, Any]:
        worker = self._take()
        try:
            return worker.ask(request, *more, seconds=request["limits"]["seconds"])
        except WorkerLostError:
            reason = "ended its judge, or kept it from answering"
            return {"status": "escaped", "reason": reason, "seconds": 0.0}
        finally:
            self._idle.put(worker)

    def _take(self) -> Worker:
        if self._closed:
            raise ClosedError("the sandbox has been closed; open another one")
        return self._idle.get()


def _tests(expect: Assertions | Harness) -> tuple[list[str], list[str], str]:
    """Return what comes first, the tests, and what the program reads."""
    if isinstance(expect, Harness):
        return [], [f"{expect.code}\ncheck({expect.entry_point})"], ""
    return [expect.setup] * bool(expect.setup.strip()), list(expect.tests), expect.stdin


def _verdict(
    answer: dict[str, Any], job: Job, setup: list[str], tests: list[str], limits: Limits
) -> Verdict:
    passed = answer["status"] == "passed"
    reason = answer.get("reason", "")
    if answer["status"] == "timeout" and not reason:
        reason = f"ran for more than {limits.seconds:g} s"
    test, line = None, _line_of("\n".join([*setup, *tests]), answer.get("test_line"))
    if line is not None:
        number, line = locate(line, [*setup, *tests])
        test = number - len(setup) if number >= len(setup) else None
    return Verdict(
        passed,
        answer["status"],
        reason,
        round(answer["seconds"], 4),
        len(tests) if passed else test,
        _line_of(job.program, answer.get("line")),
        test,
        line,
    )


def _line_of(text: str, line: int | None) -> int | None:
    """Return the line if the text has one of that number: what a program says may be forged."""
    return line if line is not None and 1 <= line <= text.count("\n") + 1 else None


def _fault(outcome: Outcome, stdout: str, limits: Limits, *, exact: bool) -> tuple[str, str] | None:
    """Say why a run is not as expected, as status and reason; None if it is."""
    last = outcome.stderr.strip().rpartition("\n")[2][:200]
    match outcome.status:
        case "timeout":
            return "timeout", f"ran for more than {limits.seconds:g} s"
        case "output":
            return "output", f"printed more than {limits.output} bytes"
        case "escaped" | "crashed":
            return outcome.status, f"ended by a signal ({outcome.code})"
    if outcome.code:
        kind = "memory" if last.startswith("MemoryError") else "error" if last else "exited"
        return kind, last or f"exit code {outcome.code}"
    same = outcome.stdout == stdout if exact else outcome.stdout.split() == stdout.split()
    return None if same else ("failed", f"printed {outcome.stdout[:60]!r}")
