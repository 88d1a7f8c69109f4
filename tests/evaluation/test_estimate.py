from __future__ import annotations

import itertools

import numpy as np
import pytest

from ondevice.evaluation.estimate import Estimate, estimate, pass_at_k


@pytest.mark.parametrize("samples", [1, 2, 5, 7])
def test_pass_at_k_is_the_mean_over_all_choices(samples: int) -> None:
    for passed in range(samples + 1):
        verdicts = [True] * passed + [False] * (samples - passed)
        for k in range(1, samples + 1):
            choices = list(itertools.combinations(verdicts, k))
            expected = sum(map(any, choices)) / len(choices)
            assert pass_at_k(samples, passed, k) == pytest.approx(expected, abs=1e-12)


def test_pass_at_k_holds_for_many_samples() -> None:
    assert pass_at_k(10_000, 1, 1) == pytest.approx(1e-4)
    assert pass_at_k(10_000, 0, 100) == 0
    assert pass_at_k(10_000, 10_000, 100) == 1


def test_pass_at_k_needs_k_samples() -> None:
    with pytest.raises(ValueError, match="pass@10 needs at least 10 samples a problem, not 5"):
        pass_at_k(5, 1, 10)


N, K, PROBLEMS, RUNS = 20, 5, 80, 300
A, B = 0.4, 1.6
"""Of the Beta distribution that a problem's chance to be solved by one sample is drawn from."""
TRUTH = float(1 - np.prod([(B + i) / (A + B + i) for i in range(K)]))
"""Its E[1 - (1 - p)^k], from its moments."""


@pytest.fixture(scope="module")
def runs() -> list[Estimate]:
    rng = np.random.default_rng(7)
    found = []
    for number in range(RUNS):
        passed = rng.binomial(N, rng.beta(A, B, size=PROBLEMS))
        found.append(estimate([pass_at_k(N, int(c), K) for c in passed], number))
    return found


class TestSimulation:
    def test_the_estimator_is_unbiased(self, runs: list[Estimate]) -> None:
        values = np.array([run.value for run in runs])
        error = values.std(ddof=1) / np.sqrt(len(values))
        assert abs(values.mean() - TRUTH) < 4 * error
        assert error < 0.004, "that the test could see a bias"

    def test_intervals_hold_the_truth_as_often_as_they_say(self, runs: list[Estimate]) -> None:
        held = np.mean([run.low <= TRUTH <= run.high for run in runs])
        # 95% less what a percentile bootstrap of 80 problems loses, give or take 4 deviations.
        assert 0.89 < held < 0.99

    def test_stopping_early_would_be_biased(self) -> None:
        """What the estimator must not be given: counts of runs that end with the first pass."""
        rng = np.random.default_rng(1)
        first = rng.geometric(0.132, size=4000)
        rates = np.where(first <= 10, 1 / np.minimum(first, 10), 0.0)
        assert rates.mean() > 0.132 + 0.05


def test_an_interval_is_the_same_for_a_seed() -> None:
    rates = [0.0, 0.2, 1.0, 0.4]
    assert estimate(rates, 3) == estimate(rates, 3)
    found = estimate(rates)
    assert found.value == pytest.approx(0.4)
    assert 0 <= found.low < 0.4 < found.high <= 1


def test_intervals_where_nothing_or_everything_passed() -> None:
    assert estimate([0.0] * 100) == Estimate(0.0, 0.0, pytest.approx(0.0362, abs=1e-4))
    assert estimate([1.0] * 100) == Estimate(1.0, pytest.approx(0.9638, abs=1e-4), 1.0)


def test_no_rates() -> None:
    with pytest.raises(ValueError, match="no problems"):
        estimate([])
