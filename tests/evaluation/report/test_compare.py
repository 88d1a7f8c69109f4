"""What two measurements differ in."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest

from ondevice.evaluation.report import compare
from tests.evaluation.report.test_report import document, passk


def test_the_same_document_does_not_differ() -> None:
    found = compare([document()], [document()])
    assert found
    assert not any(one.counts for one in found)
    assert all(one.ratio == 1 for one in found)


@pytest.mark.parametrize(("rate", "better"), [(130.0, True), (80.0, False)])
def test_a_change_of_speed_is_found(rate: float, better: bool) -> None:
    found = [one for one in compare([document()], [document(rate)]) if "pass@" not in one.name]
    assert len(found) == 14
    assert all(one.counts and one.better is better for one in found)


def test_what_was_measured_once_cannot_be_told() -> None:
    def once(rate: float) -> dict[str, Any]:
        made = document(rate)
        for one in made["latency"]["variants"]:
            for test in one["bare"]:
                test["tokens_per_second"] = test["tokens_per_second"][:1]
        return made

    found = [one for one in compare([once(100)], [once(200)]) if "pp512" in one.name]
    assert found
    assert not any(one.counts for one in found)
    assert all(math.isinf(one.least) for one in found)


def test_what_could_not_be_measured_is_left_out() -> None:
    failed = document()
    variant = failed["latency"]["variants"][0]
    variant["bare"][0]["tokens_per_second"] = [100.0, 0.0, 100.0, 100.0]
    rounds = variant["limits"]["rounds"]
    variant["limits"]["rounds"] = [one | {"bytes_per_second": 0} for one in rounds]
    names = [one.name for one in compare([document()], [failed])]
    assert "llama_cpp q8_0, pp512, tokens/s" not in names
    assert "llama_cpp q8_0, tg128, tokens/s" in names


def test_a_small_or_noisy_change_is_not() -> None:
    assert not any(one.counts for one in compare([document()], [document(101.0)]))
    noisy = document(130.0)
    for one in noisy["latency"]["variants"]:
        for test in one["bare"]:
            test["tokens_per_second"] = [50.0, 210.0, 130.0, 90.0, 170.0]
    found = [one for one in compare([document()], [noisy]) if "pp512" in one.name]
    assert found
    assert not any(one.counts for one in found)
    assert all(one.least > 0.3 for one in found)


@pytest.mark.parametrize(("faster", "counts"), [(1.0, True), (1.3, False)])
def test_a_machine_that_has_become_faster_is_told_by_its_limits(
    faster: float, counts: bool
) -> None:
    other = document(130.0)
    for variant in other["latency"]["variants"]:
        variant["limits"]["rounds"] = [
            {name: faster * value for name, value in one.items()}
            for one in variant["limits"]["rounds"]
        ]
    found = [one for one in compare([document()], [other]) if "pass@" not in one.name]
    assert all(one.counts is counts for one in found)


@pytest.mark.parametrize(("passed", "counts"), [(30, False), (31, False), (45, True), (15, True)])
def test_shares_are_compared_problem_by_problem(passed: int, counts: bool) -> None:
    found = compare([document()], [document(passed=passed)])
    (share,) = [one for one in found if "pass@" in one.name]
    assert share.counts is counts
    assert share.better is ((passed > 30) if counts else None)
    assert 0 < share.least < 1


def test_measurements_of_one_suite_are_told_apart() -> None:
    def both(passed: int) -> dict[str, Any]:
        made = document()
        checked, free = passk(passed), passk(30)
        checked["parameters"], free["parameters"] = {"check": "names"}, {"check": "none"}
        return made | {"passk": [checked, free]}

    found = [one for one in compare([both(45)], [both(15)]) if "pass@" in one.name]
    assert {one.name: one.counts for one in found} == {
        "<everyday>, check names, pass@1": True,
        "<everyday>, check none, pass@1": False,
    }


def test_runs_of_one_side_are_taken_together() -> None:
    before = [document(rate) for rate in (99.0, 100.0, 101.0)]
    after = [document(rate) for rate in (79.0, 80.0, 81.0)]
    found = compare(before, after)
    assert all(one.counts for one in found if "pass@" not in one.name)
    unsteady = compare([document(rate) for rate in (60.0, 100.0, 140.0)], after)
    assert not any(one.counts for one in unsteady)


def test_comparing_changes_nothing() -> None:
    first, second = document(), document(120.0)
    before = copy.deepcopy((first, second))
    compare([first], [second])
    assert (first, second) == before
