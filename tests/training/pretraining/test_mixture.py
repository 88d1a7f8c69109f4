"""The order of rows: shares that hold, and a place that can be gone back to."""

from __future__ import annotations

import numpy as np
import pytest

from ondevice.training.batch import Batch
from ondevice.training.pretraining.mixture import Mixture

END = 0
SHARES = {"files": 0.5, "functions": 0.125, "edits": 0.375}


def rows(count: int, first: int) -> np.ndarray:
    return np.array([[number, number] for number in range(first, first + count)], np.uint16)


KINDS = {"files": rows(40, 100), "functions": rows(6, 200), "edits": rows(18, 300)}


@pytest.fixture
def mixture() -> Mixture:
    return Mixture(KINDS, SHARES, 4, 1, END)


def firsts(batch: Batch) -> list[int]:
    return [int(number) for number in batch.ids[:, 0]]


def test_an_epoch_is_as_long_as_the_data(mixture: Mixture) -> None:
    assert len(mixture.epoch(0)) == 64 // 4
    assert all(len(firsts(batch)) == 4 for batch in mixture.epoch(0))


def test_kinds_come_in_their_shares(mixture: Mixture) -> None:
    taken = [number // 100 for batch in mixture.epoch(0) for number in firsts(batch)]
    assert [taken.count(kind) for kind in (1, 2, 3)] == [32, 8, 24]
    half = [number // 100 for batch in list(mixture.epoch(0))[:8] for number in firsts(batch)]
    assert [half.count(kind) for kind in (1, 2, 3)] == [16, 4, 12]


def test_every_row_of_a_kind_comes_before_one_comes_again(mixture: Mixture) -> None:
    edits = [
        number
        for epoch in range(3)
        for batch in mixture.epoch(epoch)
        for number in firsts(batch)
        if number >= 300
    ]
    assert len(edits) == 72
    turns = [edits[start : start + 18] for start in range(0, 72, 18)]
    assert all(sorted(turn) == list(range(300, 318)) for turn in turns)
    assert turns[0] != turns[1]


def test_a_batch_is_the_same_whenever_it_is_asked_for(mixture: Mixture) -> None:
    in_order = [firsts(batch) for batch in mixture.epoch(1)]
    other = Mixture(KINDS, SHARES, 4, 1, END)
    assert firsts(other.epoch(1)[11]) == in_order[11]
    assert [firsts(batch) for batch in other.epoch(1)[3:5]] == in_order[3:5]
    assert [firsts(batch) for batch in Mixture(KINDS, SHARES, 4, 2, END).epoch(1)] != in_order


def test_an_epoch_ends(mixture: Mixture) -> None:
    with pytest.raises(IndexError):
        mixture.epoch(0)[16]


def test_a_kind_without_rows_leaves_its_share_to_the_others() -> None:
    kinds = {**KINDS, "functions": rows(0, 200).reshape(0, 2)}
    taken = [
        number // 100
        for batch in Mixture(kinds, SHARES, 4, 1, END).epoch(0)
        for number in firsts(batch)
    ]
    assert taken.count(1) == pytest.approx(len(taken) * 4 / 7, abs=1)
