"""Whole requests: what someone who waits for a program sees.

Each request is written twice, greedily: cold, when the cache holds another one's tokens, and warm,
when it holds this one's. The first token, the first applied hunk, and the gaps between tokens and
between accepted edits are timed where the events come out of the stream.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from typing import Any

from ondevice.evaluation.latency.bare import percentiles
from ondevice.evaluation.latency.plan import LatencyPlan
from ondevice.events import Done, EditAccepted, HunkApplied, SampleFinished, Token
from ondevice.model import Model

_CLEARING = "say something else"
"""A request that shares no prefix worth the name with those that are measured."""


def measure_requests(model: Model, plan: LatencyPlan) -> dict[str, Any]:
    """Return ``cold`` and ``warm``, each with ``first_token`` and ``first_hunk`` (milliseconds,
    the median over requests and each of them; None where no hunk came), ``token`` and ``edit``
    (p50, p95, p99 in milliseconds), and ``tokens_per_second``."""
    runs: dict[str, list[_Run]] = {"cold": [], "warm": []}
    _Run(model, _CLEARING, plan)
    for request in plan.requests:
        runs["cold"].append(_Run(model, request, plan))
        runs["warm"].append(_Run(model, request, plan))
    return {name: _summary(found) for name, found in runs.items()}


def measure_widths(model: Model, plan: LatencyPlan) -> Iterator[dict[str, Any]]:
    """Yield ``samples``, ``per_minute`` and ``tokens_per_second`` for each number of samples."""
    options: dict[str, Any] = {"temperature": 0.8, "check": "none", "max_tokens": plan.max_tokens}
    for width in plan.widths:
        started = time.perf_counter()
        tokens = 0
        for event in model.stream(plan.requests[0], samples=width, **options):
            if isinstance(event, Done if width == 1 else SampleFinished):
                tokens += event.stats.tokens
        seconds = time.perf_counter() - started
        yield {
            "samples": width,
            "per_minute": 60 * width / seconds,
            "tokens_per_second": tokens / seconds,
        }


class _Run:
    """One request, from its start to its end."""

    def __init__(self, model: Model, request: str, plan: LatencyPlan) -> None:
        self.first_hunk: float | None = None
        self.tokens: list[float] = []
        self.edits: list[float] = []
        started = time.perf_counter()
        times = {"token": started, "edit": started}
        for event in model.stream(request, max_tokens=plan.max_tokens):
            now = time.perf_counter()
            if isinstance(event, Token):
                self.tokens.append(now - times["token"])
                times["token"] = now
            elif isinstance(event, HunkApplied) and self.first_hunk is None:
                self.first_hunk = now - started
            elif isinstance(event, EditAccepted):
                self.edits.append(now - times["edit"])
                times["edit"] = now
            elif isinstance(event, Done):
                self.rate = event.stats.tokens / (now - started)

    @property
    def first_token(self) -> float:
        return self.tokens[0]


def _summary(runs: list[_Run]) -> dict[str, Any]:
    first_hunks = [run.first_hunk for run in runs if run.first_hunk is not None]
    # The first token waits for the prompt, and has a figure of its own.
    tokens = [gap for run in runs for gap in run.tokens[1:]]
    edits = [gap for run in runs for gap in run.edits]
    return {
        "first_token": _milliseconds([run.first_token for run in runs]),
        "first_hunk": _milliseconds(first_hunks),
        "token": percentiles(tokens) if tokens else None,
        "edit": percentiles(edits) if edits else None,
        "tokens_per_second": [round(run.rate, 3) for run in runs],
    }


def _milliseconds(seconds: list[float]) -> dict[str, Any] | None:
    if not seconds:
        return None
    values = [round(1e3 * one, 4) for one in seconds]
    return {"median": statistics.median(values), "each": values}
