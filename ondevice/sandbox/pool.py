"""The sandbox from outside: a few workers, and jobs that they judge."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self

from ondevice.sandbox.job import Job, Limits, Outcome, Verdict


class Sandbox:
    """A pool of ``workers`` that judge programs, each in a process of its own.

    Workers start when they are first needed. ``preload`` names modules that programs are likely to
    import: they are imported once for all; what is not installed is left out.
    """

    def __init__(
        self,
        *,
        workers: int = 1,
        limits: Limits | None = None,
        preload: tuple[str, ...] = (),
    ) -> None:
        raise NotImplementedError

    def judge(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Verdict]]:
        """Judge jobs and yield them with their verdicts as they end, in any order.

        ``jobs`` is advanced in the caller's thread, by no more than a few jobs ahead of what has
        been yielded.
        """
        raise NotImplementedError

    def judge_one(self, job: Job) -> Verdict:
        """Judge one job."""
        raise NotImplementedError

    def run(self, program: str, stdin: str = "", limits: Limits | None = None) -> Outcome:
        """Run a program as a script and return how it ended and what it printed."""
        raise NotImplementedError

    def close(self) -> None:
        """End the workers and all that runs in them."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
