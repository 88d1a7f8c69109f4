"""Differences beyond the noise: held to simulated runs whose truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from ondevice.evaluation.report.noise import contrasts, holm, quantile, tail

ROUNDS, FIGURES, COMPARISONS = 8, 12, 200
LEVEL = 0.05

Drawn = NDArray[np.float64]


def drifting(rng: np.random.Generator, persistence: float, rounds: int = ROUNDS) -> Drawn:
    """Return the speeds of unchanged runs, (comparison, figure, round): noise of 3% that goes on
    from round to round (AR(1), from its stationary state), most of it common to all figures as a
    machine's is, and 2% that does not."""

    def states(figures: int) -> Drawn:
        shocks = rng.standard_normal((COMPARISONS, figures, rounds))
        found = shocks.copy()
        for place in range(1, rounds):
            fresh = math.sqrt(1 - persistence**2) * shocks[..., place]
            found[..., place] = persistence * found[..., place - 1] + fresh
        return found

    drift = math.sqrt(0.7) * states(1) + math.sqrt(0.3) * states(FIGURES)
    rough = rng.standard_normal((COMPARISONS, FIGURES, rounds))
    return np.exp(0.03 * drift + 0.02 * rough)


def found(one: Drawn, other: Drawn) -> list[bool]:
    """Return which figures of one comparison differ; each side is (figure, round), or (run,
    figure, round)."""
    sides = [side[None] if side.ndim == 2 else side for side in (one, other)]
    runs = [[list(map(list, side[:, figure])) for figure in range(FIGURES)] for side in sides]
    return [p < LEVEL for p in holm([each.p for each in contrasts(*runs)])]


@pytest.mark.parametrize("persistence", [0.0, 0.5, 0.8, 0.9])
def test_unchanged_runs_that_drift_seldom_differ(persistence: float) -> None:
    rng = np.random.default_rng(1)
    pairs = zip(drifting(rng, persistence), drifting(rng, persistence), strict=True)
    share = sum(any(found(*pair)) for pair in pairs) / COMPARISONS
    # 5% of the comparisons, and two standard errors of so many.
    assert share <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / COMPARISONS)


@pytest.mark.parametrize("persistence", [0.0, 0.5, 0.8, 0.9])
def test_a_change_of_a_fifth_is_mostly_found(persistence: float) -> None:
    rng = np.random.default_rng(2)
    pairs = zip(drifting(rng, persistence), 0.8 * drifting(rng, persistence), strict=True)
    assert np.mean([found(*pair) for pair in pairs]) > 0.75


def test_a_test_over_repetitions_would_not_do() -> None:
    # What this module is for: the same runs, each repetition taken as a witness of its own.
    rng = np.random.default_rng(1)
    one, other = np.log(drifting(rng, 0.9)), np.log(drifting(rng, 0.9))
    error = np.sqrt((one.var(-1, ddof=1) + other.var(-1, ddof=1)) / ROUNDS)
    large = abs(one.mean(-1) - other.mean(-1)) > quantile(0.01, 2 * ROUNDS - 2) * error
    assert large.any(axis=1).mean() > 0.5


def test_of_several_runs_each_is_one_witness() -> None:
    # Between runs the machine is another: 10%, of which no run shows anything.
    rng = np.random.default_rng(3)
    runs = [drifting(rng, 0.5) for _ in range(8)]
    shifted = [run * np.exp(0.1 * rng.standard_normal((COMPARISONS, 1, 1))) for run in runs]
    before, after = (np.stack(side, axis=1) for side in (shifted[:4], shifted[4:]))
    wrong = [any(found(one, other)) for one, other in zip(before, after, strict=True)]
    assert np.mean(wrong) <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / COMPARISONS)
    steady = [np.stack(side, axis=1) for side in (runs[:4], runs[4:])]
    right = [np.mean(found(one, 0.8 * other)) for one, other in zip(*steady, strict=True)]
    assert np.mean(right) > 0.75


def test_one_run_beside_several_is_taken_to_vary_as_they_do() -> None:
    (found,) = contrasts([[[100.0], [110.0], [90.0]]], [[[105.0]]])
    assert found.freedom == 2
    assert found.p > 0.5


def test_of_one_repetition_nothing_can_be_told() -> None:
    (found,) = contrasts([[[100.0]]], [[[200.0]]])
    assert found.p == 1
    assert found.least(0.05) == math.inf


def test_the_least_difference_is_where_the_p_value_crosses_the_level() -> None:
    (found,) = contrasts([[[1.0, 1.1, 0.9, 1.0]]], [[[1.2, 1.3, 1.1, 1.25]]])
    assert found.error is not None
    assert tail(found.least(0.01) / found.error, found.freedom) == pytest.approx(0.01, rel=1e-6)


def test_student_agrees_with_known_values() -> None:
    assert tail(2.306004, 8) == pytest.approx(0.05, abs=1e-6)
    assert quantile(0.05, 8) == pytest.approx(2.306004, abs=1e-5)
    assert tail(0.0, 3) == pytest.approx(1.0, abs=1e-6)
    assert tail(12.7062, 1) == pytest.approx(0.05, abs=1e-6)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
