"""What two documents differ in, beyond the noise.

Speeds are compared by Welch's t-test over the repetitions, at 1% (two-sided), and a difference must
be 2% at least. That is the noise within a run: a machine that others use drifts by more between
two runs, which no test over repetitions can see. Shares of problems are compared problem by
problem, by a bootstrap over those that both have: where 99% of the differences drawn have the same
sign, it counts.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ondevice.evaluation.estimate import pass_at_k
from ondevice.evaluation.report.document import label

LEVEL = 0.01
SMALLEST = 0.02
_RESAMPLES = 4000


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure in both documents.

    ``counts`` tells whether it is beyond the noise, ``better`` whether the second is the better
    one (None where it does not count).
    """

    name: str
    first: float
    second: float
    counts: bool
    better: bool | None

    @property
    def ratio(self) -> float:
        """The second figure over the first."""
        return self.second / self.first if self.first else math.inf


def compare(first: dict[str, Any], second: dict[str, Any]) -> list[Difference]:
    """Return every figure that both documents have."""
    return [*_speeds(first, second), *_shares(first, second)]


def _speeds(first: dict[str, Any], second: dict[str, Any]) -> Iterator[Difference]:
    before, after = _repetitions(first), _repetitions(second)
    for name in before.keys() & after.keys():
        one, other = before[name], after[name]
        means = statistics.fmean(one), statistics.fmean(other)
        large = abs(means[1] - means[0]) >= SMALLEST * means[0]
        counts = large and welch(one, other) < LEVEL
        yield Difference(name, *means, counts, means[1] > means[0] if counts else None)


def _repetitions(document: dict[str, Any]) -> dict[str, list[float]]:
    variants = (document["latency"] or {"variants": []})["variants"]
    return {
        f"{variant['label']}, {test['name']}, tokens/s": test["tokens_per_second"]
        for variant in variants
        for test in variant["bare"]
    } | {
        f"{variant['label']}, requests ({kind}), tokens/s": found["tokens_per_second"]
        for variant in variants
        for kind, found in variant["requests"].items()
    }


def welch(one: list[float], other: list[float]) -> float:
    """Return the two-sided p-value of Welch's t-test; 1 where a sample has fewer than two values.

    The t distribution's tail is integrated numerically (its density, Student 1908).
    """
    if min(len(one), len(other)) < 2:
        return 1.0
    parts = [statistics.variance(values) / len(values) for values in (one, other)]
    spread = sum(parts)
    gap = abs(statistics.fmean(one) - statistics.fmean(other))
    if spread == 0:
        return 0.0 if gap else 1.0
    freedom = spread**2 / sum(
        part**2 / (len(values) - 1) for part, values in zip(parts, (one, other), strict=True)
    )
    return _tail(gap / math.sqrt(spread), freedom)


def _tail(t: float, freedom: float) -> float:
    # In the angle, the range is finite and the density smooth.
    constant = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)
    constant -= 0.5 * math.log(math.pi)
    angles = np.linspace(math.atan(t / math.sqrt(freedom)), math.pi / 2, 4001)
    density = np.cos(angles) ** (freedom - 1)
    area = float(((density[1:] + density[:-1]) / 2 * np.diff(angles)).sum())
    return min(1.0, 2 * math.exp(constant) * area)


def _shares(first: dict[str, Any], second: dict[str, Any]) -> Iterator[Difference]:
    before, after = _problems(first), _problems(second)
    for key in before.keys() & after.keys():
        common = sorted(before[key].keys() & after[key].keys())
        if not common:
            continue
        k = min(_largest_k(before[key], common), _largest_k(after[key], common))
        for wanted in sorted({1, k}):
            rates = [
                np.array([pass_at_k(*problems[name], wanted) for name in common])
                for problems in (before[key], after[key])
            ]
            means = float(rates[0].mean()), float(rates[1].mean())
            counts = _differ(rates[1] - rates[0])
            better = means[1] > means[0] if counts else None
            yield Difference(f"{key}, pass@{wanted}", *means, counts, better)


def _problems(document: dict[str, Any]) -> dict[str, dict[str, tuple[int, int]]]:
    return {
        label(one): {row["id"]: (row["samples"], row["passed"]) for row in one["problems"]}
        for one in document["passk"]
    }


def _largest_k(problems: dict[str, tuple[int, int]], names: list[str]) -> int:
    return min(problems[name][0] for name in names)


def _differ(differences: Any) -> bool:
    rng = np.random.default_rng(0)
    count = len(differences)
    means = [differences[rng.integers(0, count, count)].mean() for _ in range(_RESAMPLES)]
    low, high = np.quantile(means, (LEVEL / 2, 1 - LEVEL / 2))
    return bool(low > 0 or high < 0)
