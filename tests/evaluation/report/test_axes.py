"""Axes: that each has ticks which can be read."""

from __future__ import annotations

import itertools
import random

import pytest

from ondevice.evaluation.report.axes import Axis

LETTER = 13


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (0.11, 0.19, ["0.12", "0.14", "0.16", "0.18"]),
        (25, 48, ["25", "30", "35", "40", "45"]),
        (2.1, 4.9, ["3", "4"]),
        (1, 16, ["1", "2", "5", "10"]),
        (3, 5000, ["10", "100", "1,000"]),
        (1001, 1003, ["1001", "1001.5", "1002", "1002.5", "1003"]),
    ],
)
def test_short_and_long_logarithmic_axes(low: float, high: float, texts: list[str]) -> None:
    assert [text for _, text in Axis(low, high, 80, 624, True).labels(LETTER)] == texts


@pytest.mark.parametrize("logarithmic", [False, True])
def test_every_axis_has_labels_that_differ_and_leave_each_other_room(logarithmic: bool) -> None:
    rng = random.Random(1)
    for _ in range(3000):
        low = 10 ** rng.uniform(-4, 6)
        axis = Axis(low, low * (1 + 10 ** rng.uniform(-3, 4)), 80, 624, logarithmic)
        labels = axis.labels(LETTER)
        assert len(labels) >= 2
        assert len({text for _, text in labels}) == len(labels)
        ends = [
            (axis.at(value) - LETTER * len(text) / 2, axis.at(value) + LETTER * len(text) / 2)
            for value, text in labels
        ]
        assert all(one[1] <= other[0] for one, other in itertools.pairwise(ends))
        assert all(80 - 1 <= axis.at(value) <= 624 + 1 for value, _ in labels)
