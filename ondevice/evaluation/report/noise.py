"""Whether two means differ by more than the noise that their series show.

A machine drifts: its clock, its heat and its other programs change over seconds and minutes, so
that neighboring repetitions are alike, and a test that takes each as a new witness finds a
difference between any two runs. Two ways around that:

* With one run on each side, the noise is what a run shows over long stretches of its time, and not
  from one repetition to the next: the squares of its first cosine transforms (the equal-weighted
  cosine estimator of the long-run variance: Lazarus, Lewis, Stock and Watson, "HAR Inference",
  2018), with Student's t of so many degrees of freedom. A run sees a part alone of a drift that is
  as slow as itself, so that the estimate is doubled (``DRIFT``), and no figure is taken to be
  steadier than half of the others: the machine is the same for all.
* With several runs on one side or both, a run is one witness, whatever happens within it.

All in logarithms, so that differences are ratios. Several figures are held to the level together,
by Holm's procedure.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

COSINES = 3
DRIFT = 2.0
"""Factor on the standard error of a single run. It was chosen on simulated noise like that of
``tests/evaluation/report/test_noise.py``, which is milder than that of a shared machine: there,
even changes of a fifth are not found."""

Runs = Sequence[Sequence[float]]
"""One figure on one side: of each run, its repetitions in the order of time, all above 0."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """The logarithm of a ratio, its standard error (None where there is no telling), and the
    degrees of freedom of that."""

    difference: float
    error: float | None
    freedom: float

    @property
    def p(self) -> float:
        """The two-sided p-value of no difference, by Student's t; 1 where there is no telling."""
        if self.error is None:
            return 1.0
        if self.error == 0:
            return 0.0 if self.difference else 1.0
        return tail(abs(self.difference) / self.error, self.freedom)

    def least(self, level: float) -> float:
        """Return the smallest difference that would be found at a level; infinite for none."""
        return math.inf if self.error is None else self.error * quantile(level, self.freedom)


def contrasts(first: Sequence[Runs], second: Sequence[Runs]) -> list[Contrast]:
    """Compare figure by figure; both sides have the same figures in the same order."""
    several = any(len(runs) > 1 for runs in (*first, *second))
    if several:
        return [_between(*map(_levels, pair)) for pair in zip(first, second, strict=True)]
    logs = [[np.log(runs[0]) for runs in side] for side in (first, second)]
    floors = [_usual(side) for side in logs]
    return [_within(one, other, floors) for one, other in zip(*logs, strict=True)]


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number by Holm's procedure (1979)."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted, highest = [1.0] * len(order), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - rank) * p_values[place]))
        adjusted[place] = highest
    return adjusted


def tail(t: float, freedom: float) -> float:
    """Return the two-sided tail of Student's t (1908), its density being integrated."""
    # In the angle, the range is finite and the density smooth.
    constant = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)
    constant -= 0.5 * math.log(math.pi)
    angles = np.linspace(math.atan(t / math.sqrt(freedom)), math.pi / 2, 4001)
    density = np.cos(angles) ** (freedom - 1)
    area = float(((density[1:] + density[:-1]) / 2 * np.diff(angles)).sum())
    return min(1.0, 2 * math.exp(constant) * area)


def quantile(level: float, freedom: float) -> float:
    """Return the t whose two-sided tail is ``level``, by bisection."""
    low, high = 0.0, 1.0
    while tail(high, freedom) > level and high < 1e12:
        low, high = high, high * 2
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if tail(middle, freedom) > level else (low, middle)
    return high


def _levels(runs: Runs) -> list[float]:
    return [statistics.fmean(map(math.log, run)) for run in runs]


def _between(one: list[float], other: list[float]) -> Contrast:
    """Welch's test over runs; a side of a single run is taken to vary as the other one does."""
    difference = statistics.fmean(other) - statistics.fmean(one)
    sides = [side for side in (one, other) if len(side) > 1]
    if len(sides) == 1:
        variance = statistics.variance(sides[0])
        error = math.sqrt(variance * (1 + 1 / len(sides[0])))
        return Contrast(difference, error, len(sides[0]) - 1)
    parts = [statistics.variance(side) / len(side) for side in sides]
    return _welch(difference, parts, [len(side) - 1 for side in sides])


def _within(one: np.ndarray, other: np.ndarray, floors: Sequence[float]) -> Contrast:
    difference = float(other.mean() - one.mean())
    counts = [min(COSINES, len(side) - 1) for side in (one, other)]
    if 0 in counts:
        return Contrast(difference, None, 0)
    parts = [
        max(_variance(side), floor) * DRIFT**2
        for side, floor in zip((one, other), floors, strict=True)
    ]
    return _welch(difference, parts, counts)


def _welch(difference: float, parts: Sequence[float], freedoms: Sequence[float]) -> Contrast:
    total = sum(parts)
    if total == 0:
        return Contrast(difference, 0.0, sum(freedoms))
    shares = sum(part**2 / freedom for part, freedom in zip(parts, freedoms, strict=True))
    return Contrast(difference, math.sqrt(total), total**2 / shares)


def _variance(logs: np.ndarray) -> float:
    """Return the variance of a run's mean, from what it shows over long stretches of time."""
    count = len(logs)
    times = (np.arange(count) + 0.5) / count
    waves = np.cos(np.pi * np.outer(np.arange(1, min(COSINES, count - 1) + 1), times))
    return float((2 / count * (waves @ logs) ** 2).mean() / count)


def _usual(side: Sequence[np.ndarray]) -> float:
    """Return the median over figures of the variance of a run's mean."""
    return statistics.median([_variance(logs) for logs in side if len(logs) > 1] or [0.0])
