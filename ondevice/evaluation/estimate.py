"""pass@k from counts: the unbiased estimator, and bootstrap intervals over the problems."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_RESAMPLES = 10_000
_BLOCK = 1 << 22
"""Numbers that are drawn at once, for memory's sake."""
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over problems, with the ends of its 95% interval; all between 0 and 1."""

    value: float
    low: float
    high: float


def pass_at_k(samples: int, passed: int, k: int) -> float:
    """Return the unbiased estimate of pass@k for one problem: 1 - C(n-c, k) / C(n, k).

    Source: arXiv 2107.03374, equation 1. Raises ``ValueError`` when there are fewer than k samples.
    """
    if k > samples:
        raise ValueError(f"pass@{k} needs at least {k} samples a problem, not {samples}")
    return 1.0 - math.comb(samples - passed, k) / math.comb(samples, k)


def estimate(rates: Sequence[float], seed: int = 0) -> Estimate:
    """Return the mean of per-problem rates with a percentile bootstrap interval over problems.

    Problems are drawn anew with replacement, 10,000 times (Efron and Tibshirani, An Introduction to
    the Bootstrap, chapter 13); the draws are the same for a seed. It is the uncertainty about other
    problems of the kind, that of the samples included. Where all rates are 0, or all are 1, nothing
    is left to draw from: then the open end is the exact one for so many trials of which none, or
    all, succeed (Clopper-Pearson). Raises ``ValueError`` for no rates.
    """
    if not rates:
        raise ValueError("there are no problems to estimate from")
    values = np.asarray(rates, dtype=np.float64)
    count, mean = len(values), float(values.mean())
    tail = (1 - CONFIDENCE) / 2
    if not values.any():
        return Estimate(0.0, 0.0, 1.0 - tail ** (1 / count))
    if (values == 1).all():
        return Estimate(1.0, tail ** (1 / count), 1.0)
    rng = np.random.default_rng(seed)
    means = [
        values[rng.integers(0, count, size=(rows, count))].mean(axis=1) for rows in _blocks(count)
    ]
    low, high = np.quantile(np.concatenate(means), (tail, 1 - tail))
    return Estimate(mean, float(low), float(high))


def _blocks(count: int) -> list[int]:
    """Return how many resamples to draw at once, until there are enough."""
    rows = max(1, min(_RESAMPLES, _BLOCK // count))
    full, rest = divmod(_RESAMPLES, rows)
    return [rows] * full + ([rest] if rest else [])
