"""Rows are shared out whole, whatever the number of processes."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from ondevice.training.batch import IGNORED, Batch
from ondevice.training.team import Team


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_every_row_is_one_process_s(size: int) -> None:
    ids = np.arange(8, dtype=np.int64).reshape(4, 2)
    batch = Batch(ids, ids)
    parts = [Team(rank, size).share(batch) for rank in range(size)]
    rows = [tuple(row) for part in parts for row in part.ids.tolist()]
    assert sorted(rows) == [(0, 1), (2, 3), (4, 5), (6, 7)]
    assert sum(part.counted for part in parts) == batch.counted == 8


def test_ignored_targets_do_not_count() -> None:
    ids = np.zeros((1, 3), np.int64)
    assert Batch(ids, np.array([[1, IGNORED, 0]])).counted == 2


def test_one_process_is_a_team() -> None:
    with Team.joined() as team, team.first_alone():
        assert team.is_first
        assert team.size == 1
