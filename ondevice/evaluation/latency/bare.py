"""Evaluation by itself, in llama-bench's terms: no sampling, no constraint, random tokens.

``pp512`` is a prompt of 512 tokens in an empty cache; ``tg128`` are 128 tokens one after another,
``tg128 @ d512`` behind 512 that are in the cache already. Each is repeated; figures are tokens a
second, mean and standard deviation over repetitions, after one that warms up.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ondevice.backends import Backend
from ondevice.evaluation.latency.plan import LatencyPlan
from ondevice.evaluation.roofline import Roofline


def measure_bare(
    backend: Backend, plan: LatencyPlan, roofline: Roofline, weights: int, parameters: int | None
) -> Iterator[dict[str, Any]]:
    """Yield a test each: ``name``, ``tokens_per_second`` (of each repetition), ``mean``,
    ``deviation``; of decoding also ``milliseconds`` (p50, p95, p99 of a token) and ``of_limit``.

    ``of_limit`` is the mean as a share of what the machine's limits allow for reading ``weights``
    bytes and multiplying by the ``parameters`` (a byte each where they are not known); the cache,
    which is read too, is left out, so that it falls with the depth.
    """
    context = backend.context_length
    tokens = np.random.default_rng(0).integers(0, backend.vocab_size, context).tolist()
    prompt = min(plan.prompt, context)
    yield {"name": f"pp{prompt}", **_repeated(plan, lambda: _prefill(backend, tokens[:prompt]))}
    for depth in dict.fromkeys(min(depth, context - 1) for depth in plan.depths):
        count = min(plan.generate, context - depth)
        times: list[float] = []
        found = _repeated(plan, lambda: _decode(backend, tokens, depth, count, times))  # noqa: B023
        name = f"tg{count}" + (f" @ d{depth}" if depth else "")
        limit = roofline.tokens_per_second(weights, parameters or weights)
        yield {
            "name": name,
            **found,
            "milliseconds": percentiles(times[count:]),
            "of_limit": found["mean"] / limit,
        }
    backend.truncate(0, 0)


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Return p50, p95 and p99 in milliseconds."""
    values = np.percentile(seconds, (50, 95, 99)) * 1e3
    return dict(zip(("p50", "p95", "p99"), (round(float(one), 4) for one in values), strict=True))


def _repeated(plan: LatencyPlan, once: Callable[[], float]) -> dict[str, Any]:
    rates = [once() for _ in range(plan.repetitions + 1)][1:]
    deviation = statistics.stdev(rates) if len(rates) > 1 else 0.0
    return {
        "tokens_per_second": [round(rate, 3) for rate in rates],
        "mean": statistics.fmean(rates),
        "deviation": deviation,
    }


def _prefill(backend: Backend, tokens: list[int]) -> float:
    backend.truncate(0, 0)
    started = time.perf_counter()
    backend.evaluate([(0, tokens)])
    return len(tokens) / (time.perf_counter() - started)


def _decode(
    backend: Backend, tokens: list[int], depth: int, count: int, times: list[float]
) -> float:
    backend.truncate(0, 0)
    if depth:
        backend.evaluate([(0, tokens[:depth])])
    started = before = time.perf_counter()
    for token in tokens[depth : depth + count]:
        backend.evaluate([(0, [token])])
        now = time.perf_counter()
        times.append(now - before)
        before = now
    return count / (time.perf_counter() - started)
