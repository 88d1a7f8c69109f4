"""Evaluation by itself, in llama-bench's terms: no sampling, no constraint, random tokens.

``pp512`` is a prompt of 512 tokens in an empty cache; ``tg128`` are 128 tokens one after another,
``tg128 @ d512`` behind 512 that are in the cache already. Each is repeated; figures are tokens a
second, mean and standard deviation over repetitions.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ondevice.backends import Backend
from ondevice.evaluation.latency.plan import LatencyPlan
from ondevice.evaluation.roofline import Roofline

_WARM_UP = 8
"""Tokens that are written untimed, after an untimed prompt, whenever a model has been loaded."""


@dataclass(frozen=True, slots=True)
class Timed:
    """One repetition of a test: ``seconds`` of each evaluation, of which a prompt is one.

    ``position`` is the mean number of tokens in the cache, None of a prompt.
    """

    name: str
    tokens: int
    seconds: tuple[float, ...]
    position: float | None = None

    @property
    def rate(self) -> float:
        """Tokens a second."""
        return self.tokens / sum(self.seconds)


@dataclass(frozen=True, slots=True)
class Costs:
    """What one token of a model costs at least: bytes of weights to read, bytes of the cache to
    read for each token in it, and parameters to multiply by."""

    weights: int
    cache_per_token: int
    parameters: int
    quantized: bool

    def limit(self, roofline: Roofline, position: float) -> float:
        """Return the tokens a second that a machine allows behind ``position`` tokens."""
        read = self.weights + self.cache_per_token * position
        return roofline.tokens_per_second(read, self.parameters, quantized=self.quantized)


def run_bare(backend: Backend, plan: LatencyPlan) -> Iterator[Timed]:
    """Yield each test of a plan, once, after one that warms up."""
    context = backend.context_length
    tokens = np.random.default_rng(0).integers(0, backend.vocab_size, context).tolist()
    prompt = min(plan.prompt, context)
    _prefill(backend, tokens[:prompt])
    _decode(backend, tokens, 0, min(_WARM_UP, context))
    yield _prefill(backend, tokens[:prompt])
    for depth in dict.fromkeys(min(depth, context - 1) for depth in plan.depths):
        yield _decode(backend, tokens, depth, min(plan.generate, context - depth))
    backend.truncate(0, 0)


def summarize_bare(
    rounds: Sequence[Sequence[Timed]], roofline: Roofline, costs: Costs
) -> list[dict[str, Any]]:
    """Return a test each: ``name``, ``tokens_per_second`` (of each repetition), ``mean``,
    ``deviation``; of decoding also ``milliseconds`` (p50, p95, p99 of a token) and ``of_limit``,
    the mean as a share of what ``roofline`` allows."""
    found = []
    for runs in zip(*rounds, strict=True):
        rates = [run.rate for run in runs]
        test = {"name": runs[0].name, "tokens_per_second": rounded(rates), **spread(rates)}
        position = runs[0].position
        if position is not None:
            test["milliseconds"] = percentiles([gap for run in runs for gap in run.seconds])
            test["of_limit"] = test["mean"] / costs.limit(roofline, position)
        found.append(test)
    return found


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """Return p50, p95 and p99 in milliseconds."""
    values = np.percentile(seconds, (50, 95, 99)) * 1e3
    return dict(zip(("p50", "p95", "p99"), (round(float(one), 4) for one in values), strict=True))


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return ``mean`` and ``deviation`` (standard, 0 of a single value)."""
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return {"mean": statistics.fmean(values), "deviation": deviation}


def rounded(values: Sequence[float]) -> list[float]:
    """Return values in the digits that a document keeps."""
    return [round(value, 4) for value in values]


def _prefill(backend: Backend, tokens: list[int]) -> Timed:
    backend.truncate(0, 0)
    started = time.perf_counter()
    backend.evaluate([(0, tokens)])
    seconds = time.perf_counter() - started
    return Timed(f"pp{len(tokens)}", len(tokens), (seconds,))


def _decode(backend: Backend, tokens: list[int], depth: int, count: int) -> Timed:
    backend.truncate(0, 0)
    if depth:
        backend.evaluate([(0, tokens[:depth])])
    gaps = []
    before = time.perf_counter()
    for token in tokens[depth : depth + count]:
        backend.evaluate([(0, [token])])
        now = time.perf_counter()
        gaps.append(now - before)
        before = now
    name = f"tg{count}" + (f" @ d{depth}" if depth else "")
    # Each token reads those before it: on average, half of what is written comes on top.
    return Timed(name, count, tuple(gaps), depth + (count - 1) / 2)
