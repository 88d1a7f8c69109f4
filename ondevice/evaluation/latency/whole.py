"""Whole requests: what someone who waits for a program sees.

Each request is written twice, greedily: cold, when the cache holds another one's tokens, and warm,
when it holds this one's. The first token, the first applied hunk, and the gaps between tokens and
between accepted edits are timed where the events come out of the stream.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ondevice.evaluation.latency.bare import percentiles, rounded, spread
from ondevice.evaluation.latency.plan import LatencyPlan
from ondevice.events import Done, EditAccepted, HunkApplied, SampleFinished, Token
from ondevice.model import Model

_CLEARING = "say something else"
"""A request that shares no prefix worth the name with those that are measured."""


@dataclass(slots=True)
class Run:
    """One request, from its start to its end: seconds to its first hunk, between its tokens (the
    first waits for the prompt), between its edits, and of all of it."""

    first_hunk: float | None = None
    tokens: list[float] = field(default_factory=list)
    edits: list[float] = field(default_factory=list)
    seconds: float = 0.0
    written: int = 0


@dataclass(frozen=True, slots=True)
class Width:
    """One batch of samples of a request: how many, and what they took."""

    samples: int
    tokens: int
    seconds: float


def run_requests(model: Model, plan: LatencyPlan) -> dict[str, list[Run]]:
    """Write each request cold and warm, once; return the runs as ``cold`` and ``warm``."""
    runs: dict[str, list[Run]] = {"cold": [], "warm": []}
    _run(model, _CLEARING, plan)
    for request in plan.requests:
        runs["cold"].append(_run(model, request, plan))
        runs["warm"].append(_run(model, request, plan))
    return runs


def summarize_requests(rounds: Sequence[dict[str, list[Run]]]) -> dict[str, Any]:
    """Return ``cold`` and ``warm``, each with ``first_token`` and ``first_hunk`` (milliseconds:
    ``each`` is a round's median over requests, ``median`` that of all; None where no hunk came),
    ``token`` and ``edit`` (p50, p95, p99 in milliseconds), and ``tokens_per_second`` of each
    round."""
    return {kind: _summary([one[kind] for one in rounds]) for kind in rounds[0]}


def run_widths(model: Model, plan: LatencyPlan) -> list[Width]:
    """Draw a batch of each number of samples, once."""
    # How many are best computed together is tried, and kept, when several are first asked for.
    _draw(model, min(2, max(plan.widths)), plan)
    return [_draw(model, width, plan) for width in plan.widths]


def summarize_widths(rounds: Sequence[list[Width]]) -> list[dict[str, Any]]:
    """Return for each number of samples: ``samples``, ``per_minute`` (of each round), ``mean`` and
    ``deviation`` of those, and the mean ``tokens_per_second``."""
    found = []
    for runs in zip(*rounds, strict=True):
        per_minute = [60 * run.samples / run.seconds for run in runs]
        found.append(
            {
                "samples": runs[0].samples,
                "per_minute": rounded(per_minute),
                **spread(per_minute),
                "tokens_per_second": statistics.fmean(run.tokens / run.seconds for run in runs),
            }
        )
    return found


def _draw(model: Model, width: int, plan: LatencyPlan) -> Width:
    options: dict[str, Any] = {"temperature": 0.8, "check": "none", "max_tokens": plan.max_tokens}
    started = time.perf_counter()
    tokens = 0
    for event in model.stream(plan.requests[0], samples=width, **options):
        if isinstance(event, Done if width == 1 else SampleFinished):
            tokens += event.stats.tokens
    return Width(width, tokens, time.perf_counter() - started)


def _run(model: Model, request: str, plan: LatencyPlan) -> Run:
    run = Run()
    started = token = edit = time.perf_counter()
    for event in model.stream(request, max_tokens=plan.max_tokens):
        now = time.perf_counter()
        if isinstance(event, Token):
            run.tokens.append(now - token)
            token = now
        elif isinstance(event, HunkApplied) and run.first_hunk is None:
            run.first_hunk = now - started
        elif isinstance(event, EditAccepted):
            run.edits.append(now - edit)
            edit = now
        elif isinstance(event, Done):
            run.seconds, run.written = now - started, event.stats.tokens
    return run


def _summary(rounds: list[list[Run]]) -> dict[str, Any]:
    every = [run for runs in rounds for run in runs]
    firsts = [[run.tokens[0] for run in runs if run.tokens] for runs in rounds]
    hunks = [[run.first_hunk for run in runs if run.first_hunk is not None] for runs in rounds]
    # The first token waits for the prompt, and has a figure of its own.
    tokens = [gap for run in every for gap in run.tokens[1:]]
    edits = [gap for run in every for gap in run.edits]
    rates = [sum(run.written for run in runs) / sum(run.seconds for run in runs) for runs in rounds]
    return {
        "first_token": _medians(firsts),
        "first_hunk": _medians(hunks),
        "token": percentiles(tokens) if tokens else None,
        "edit": percentiles(edits) if edits else None,
        "tokens_per_second": rounded(rates),
    }


def _medians(rounds: list[list[float]]) -> dict[str, Any] | None:
    """Return milliseconds: of each round the median over requests, and the median of all."""
    if not all(rounds):
        return None
    every = [1e3 * one for found in rounds for one in found]
    each = [1e3 * statistics.median(found) for found in rounds]
    return {"median": statistics.median(every), "each": rounded(each)}
