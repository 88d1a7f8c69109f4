"""The sandbox's place is taken by ``checks.execution`` here, until its body is there."""

from __future__ import annotations

import concurrent.futures
import time
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Self

from ondevice.checks import execution
from ondevice.sandbox import Harness, Job, Limits, Outcome, Output, Verdict


class Sandbox:
    """As ``ondevice.sandbox.Sandbox``."""

    def __init__(
        self, *, workers: int = 1, limits: Limits | None = None, preload: tuple[str, ...] = ()
    ) -> None:
        self._pool = concurrent.futures.ThreadPoolExecutor(workers)
        self._workers = workers
        self._limits = limits or Limits()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._pool.shutdown()

    def judge(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Verdict]]:
        running: deque[tuple[Job, concurrent.futures.Future[Verdict]]] = deque()
        for job in jobs:
            running.append((job, self._pool.submit(self.judge_one, job)))
            while running and (running[0][1].done() or len(running) > self._workers):
                first, future = running.popleft()
                yield first, future.result()
        for first, future in running:
            yield first, future.result()

    def judge_one(self, job: Job) -> Verdict:
        started = time.monotonic()
        limits = job.limits or self._limits
        expect = job.expect
        passed = 0
        status, reason = "passed", ""
        if isinstance(expect, Output):
            for stdin, stdout in expect.cases:
                outcome = self.run(job.program, stdin, limits)
                same = (
                    outcome.stdout == stdout
                    if expect.exact
                    else outcome.stdout.split() == stdout.split()
                )
                last = outcome.stderr.strip().rpartition("\n")[2]
                if outcome.code != 0:
                    status, reason = outcome.status, last or outcome.status
                elif not same:
                    status, reason = "failed", f"printed {outcome.stdout[:60]!r}"
                if reason:
                    break
                passed += 1
        else:
            if isinstance(expect, Harness):
                tests = [expect.code, f"check({expect.entry_point})"]
            else:
                tests = [expect.setup, *expect.tests]
            marked = "\n".join(f"{test}\nprint('\\nMARK')" for test in tests)
            ended = execution.run_to_the_end(f"{job.program}\n{marked}", timeout=limits.seconds)
            if ended is None:
                passed = len(tests) - 1
            else:
                passed = max(0, ended.stdout.count("\nMARK\n") - 1)
                status = "timeout" if ended.code is None else "failed"
                reason = ended.failure or "exited before the last assertion"
        return Verdict(not reason, status, reason, time.monotonic() - started, passed)

    def run(self, program: str, stdin: str = "", limits: Limits | None = None) -> Outcome:
        limits = limits or self._limits
        ended = execution.run_program(program, stdin=stdin, timeout=limits.seconds)
        status = "passed" if ended.code == 0 else "timeout" if ended.code is None else "error"
        return Outcome(status, ended.code, ended.stdout, ended.stderr)
