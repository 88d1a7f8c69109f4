"""Test-time scaling: what more samples buy, counted in samples, in tokens and in seconds.

Against k it is pass@k, by the unbiased estimator. Against a budget it is the share of problems that
are solved within it when samples are drawn one after another until one passes: the mean over random
orders of the stored samples of each problem, so that no order is lucky. An order of which all
samples are spent, without a pass, says nothing about a larger budget (it is censored): it counts as
unsolved, and where more than ``UNKNOWN`` of the orders are such, the curve ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ondevice.evaluation.estimate import pass_at_k
from ondevice.evaluation.figures import by_problem
from ondevice.evaluation.samples import Sample

ORDERS = 200
POINTS = 40
UNKNOWN = 0.05
"""Share of the problems up to which those may be counted as unsolved whose samples are spent."""


def scaling(samples: Sequence[Sample], seed: int = 0) -> dict[str, Any]:
    """Return curves: ``k`` as a list of [samples, share solved], ``tokens`` and ``seconds`` of
    [budget, share solved, share of problems whose samples are spent without a pass].

    Raises ``ValueError`` without samples.
    """
    groups = list(by_problem(samples).values())
    if not groups:
        raise ValueError("there are no samples to draw curves of")
    fewest = min(map(len, groups))
    counts = [(len(group), sum(one.passed for one in group)) for group in groups]
    by_k = [
        [k, float(np.mean([pass_at_k(n, passed, k) for n, passed in counts]))]
        for k in range(1, fewest + 1)
    ]
    return {
        "k": by_k,
        **{name: _within(groups, name, seed) for name in ("tokens", "seconds")},
    }


def _within(groups: list[list[Sample]], cost: str, seed: int) -> list[list[float]]:
    rng = np.random.default_rng(seed)
    spent = np.stack([_spent(group, cost, rng) for group in groups])
    totals = np.array([sum(float(getattr(one, cost)) for one in group) for group in groups])
    # Only those without a pass run out: in any other order, one comes before the end.
    ends = np.where(np.isinf(spent[:, 0]), totals, np.inf)
    cheapest = min(float(getattr(one, cost)) for group in groups for one in group)
    allowed = int(UNKNOWN * len(groups))
    longest = min(float(np.sort(ends)[allowed]), float(totals.max()))
    if not 0 < cheapest < longest:
        return []
    budgets = np.geomspace(cheapest, longest, POINTS)
    return [
        [float(budget), float((spent <= budget).mean()), float((ends < budget).mean())]
        for budget in budgets
    ]


def _spent(group: list[Sample], cost: str, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return what was spent up to the first pass in each of ``ORDERS`` orders, inf without one."""
    costs = np.array([float(getattr(one, cost)) for one in group])
    passed = np.array([one.passed for one in group])
    if not passed.any():
        return np.full(ORDERS, np.inf)
    orders = rng.permuted(np.tile(np.arange(len(group)), (ORDERS, 1)), axis=1)
    first = passed[orders].argmax(axis=1)
    return np.asarray(costs[orders].cumsum(axis=1)[np.arange(ORDERS), first])
