"""Curves of test-time scaling, against what can be counted by hand or simulated."""

from __future__ import annotations

import random

import numpy as np
import pytest

from ondevice.evaluation.samples import Sample
from ondevice.evaluation.scaling import scaling


def sample(id: str, number: int, passed: bool, tokens: int) -> Sample:
    return Sample(
        *(id, number, 0, passed, "passed" if passed else "failed", "", None, "complete", ()),
        tokens=tokens,
        edits=1,
        rejected_edits=0,
        mean_logprob=0.0,
        seconds=tokens / 100,
        latency_seconds=0.0,
        judge_seconds=0.0,
        raw=(),
        program="",
        sanitized="",
    )


def test_curves_by_hand() -> None:
    samples = [
        *(sample("a", number, number == 0, 10) for number in range(2)),
        *(sample("b", number, False, 10) for number in range(2)),
    ]
    found = scaling(samples)
    assert found["k"] == [[1, 0.25], [2, 0.5]]
    first, *_, last = found["tokens"]
    # At 20 tokens, b has spent what it has, and no more: nothing is unknown yet.
    assert first[2] == last[2] == 0
    assert first[0] == pytest.approx(10)
    assert last[0] == pytest.approx(20)
    assert first[1] == pytest.approx(0.25, abs=0.05)  # in half of the orders, the first passes
    assert last[1] == 0.5
    assert [one[1:] for one in found["seconds"]] == [one[1:] for one in found["tokens"]]


def test_the_curve_is_that_of_drawing_until_one_passes() -> None:
    rng = random.Random(1)
    rate, cost = 0.2, 7
    samples = [
        sample(f"{problem}", number, rng.random() < rate, cost)
        for problem in range(400)
        for number in range(30)
    ]
    found = scaling(samples)["tokens"]
    budgets = np.array([budget for budget, *_ in found])
    expected = 1 - (1 - rate) ** np.floor(budgets / cost + 1e-9)
    assert np.abs(np.array([share for _, share, _ in found]) - expected).max() < 0.05


def test_a_curve_ends_where_too_many_have_no_samples_left() -> None:
    # 90 problems pass at once; of 10 that never do, each has one sample more than the one before.
    solved = [sample(f"a{n}", k, True, 10) for n in range(90) for k in range(20)]
    hopeless = [sample(f"b{n}", k, False, 10) for n in range(10) for k in range(n + 1)]
    found = scaling(solved + hopeless)["tokens"]
    # Five may be counted as unsolved: the sixth has spent its samples at 60 tokens.
    assert found[-1] == pytest.approx([60, 0.9, 0.05])
    assert found[0] == pytest.approx([10, 0.9, 0])
    assert all(
        unknown == sum(10 * (n + 1) < budget for n in range(10)) / 100
        for budget, _, unknown in found
    )


def test_without_samples_there_is_no_curve() -> None:
    with pytest.raises(ValueError, match="no samples"):
        scaling([])


def test_one_sample_a_problem_has_no_budgets() -> None:
    found = scaling([sample("a", 0, True, 5), sample("b", 0, False, 5)])
    assert found == {"k": [[1, 0.5]], "tokens": [], "seconds": []}
