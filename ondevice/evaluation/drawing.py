"""Draws a problem's samples from a model, in one batch, and measures what each cost."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ondevice.evaluation.suites import Problem
from ondevice.events import (
    Done,
    EditAccepted,
    EditWithdrawn,
    Event,
    Finding,
    SampleFinished,
    Stats,
)

if TYPE_CHECKING:
    from ondevice.model import Model


@dataclass(frozen=True, slots=True)
class Plan:
    """How every problem of a measurement is answered.

    ``parameters`` go to ``Model.stream``. With ``stop_early``, the samples of a problem end with
    the first that passes, which leaves pass@k exact for k = ``samples`` and no other.
    """

    samples: int = 1
    seed: int = 0
    stop_early: bool = False
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A finished sample before it is judged; times as in ``samples.Sample``."""

    problem: Problem
    number: int
    seed: int
    program: str
    sanitized: str
    raw: tuple[str, ...]
    finish_reason: str
    findings: tuple[str, ...]
    mean_logprob: float
    stats: Stats
    seconds: float
    latency_seconds: float


def draw(
    model: Model, problem: Problem, plan: Plan, passes: Callable[[str], bool] | None = None
) -> Iterator[Drawn]:
    """Yield the samples of a problem as they are finished.

    They are one request with ``plan.seed``, so that the same call gives the same samples. With
    ``passes``, the request ends at the first program for which that is true; those that it cuts
    off are left out. Raises what ``Model.stream`` raises.
    """
    options = dict(plan.parameters)
    if passes is not None:
        options["tests"] = _as_tests(problem, passes)
    stream = model.stream(
        problem.instruction,
        source=problem.source,
        samples=plan.samples,
        seed=plan.seed,
        **options,
    )
    diffs: dict[int, list[str]] = defaultdict(list)
    last = now = 0.0
    try:
        for event, now in _timed(stream):
            _note(event, diffs)
            if _is_end(event, plan.samples):
                yield _drawn(problem, plan, event, diffs[event.sample], now - last, now)
                last = now
    finally:
        stream.close()


def _is_end(event: Event, samples: int) -> bool:
    """Return whether an event ends a sample: of a single one, only ``Done`` tells."""
    if isinstance(event, SampleFinished):
        return event.finish_reason != "passed"
    return isinstance(event, Done) and samples == 1


def _timed(stream: Iterator[Event]) -> Iterator[tuple[Event, float]]:
    """Yield events with the time spent on them so far: not that of whoever takes them."""
    spent = 0.0
    while True:
        started = time.perf_counter()
        event = next(stream, None)
        spent += time.perf_counter() - started
        if event is None:
            return
        yield event, spent


def _note(event: Event, diffs: dict[int, list[str]]) -> None:
    if isinstance(event, EditAccepted):
        diffs[event.sample].append(event.diff)
    elif isinstance(event, EditWithdrawn):
        diffs[event.sample].pop()


def _drawn(
    problem: Problem, plan: Plan, event: Any, diffs: list[str], seconds: float, latency: float
) -> Drawn:
    return Drawn(
        problem=problem,
        number=event.sample,
        seed=plan.seed,
        program=event.text,
        sanitized=problem.program_of(event.text),
        raw=tuple(diffs),
        finish_reason=event.finish_reason,
        findings=tuple(str(one) for one in event.findings if one.check != "suite"),
        mean_logprob=round(event.mean_logprob, 6),
        stats=event.stats,
        seconds=round(seconds, 6),
        latency_seconds=round(latency, 6),
    )


def _as_tests(problem: Problem, passes: Callable[[str], bool]) -> Callable[[str], list[Finding]]:
    def tests(text: str) -> list[Finding]:
        return [] if passes(problem.program_of(text)) else [Finding("suite", 1, "does not pass")]

    return tests
