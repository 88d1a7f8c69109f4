"""Batches that take rows of each kind in fixed shares, in an order that the seed alone decides."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from ondevice.training.batch import Batch
from ondevice.training.pretraining import packing


class Mixture:
    """Batches of so many rows. Each kind is gone through again and again, every time in another
    order, as often as its share asks for; an epoch is as many batches as all rows fill."""

    def __init__(
        self,
        kinds: Mapping[str, NDArray[np.uint16]],
        shares: Mapping[str, float],
        rows: int,
        seed: int,
        end: int,
    ) -> None:
        self._kinds = [
            _Kind(kinds[name], f"{seed}/{name}")
            for name in kinds
            if shares[name] and len(kinds[name])
        ]
        taken = np.array([shares[name] for name in kinds if shares[name] and len(kinds[name])])
        self._bounds = np.cumsum(taken / taken.sum()) if taken.size else taken
        self._rows = rows
        self._end = end
        self._length = sum(len(kind) for kind in self._kinds) // rows

    def epoch(self, number: int) -> Sequence[Batch]:
        """Return the batches of an epoch, each of which is made when it is asked for."""
        return _Epoch(self, number * self._length, self._length)

    def batch(self, number: int) -> Batch:
        """Return a batch of the run."""
        before, after = self._taken(number * self._rows), self._taken((number + 1) * self._rows)
        rows = [
            kind.row(place)
            for kind, start, stop in zip(self._kinds, before, after, strict=True)
            for place in range(start, stop)
        ]
        return packing.batch(np.stack(rows), self._end)

    def _taken(self, rows: int) -> list[int]:
        """Return how many of the first so many rows are of each kind."""
        bounds = np.rint(self._bounds * rows).astype(np.int64)
        taken: list[int] = np.diff(bounds, prepend=0).tolist()
        return taken


class _Epoch(Sequence[Batch]):
    def __init__(self, mixture: Mixture, start: int, length: int) -> None:
        self._mixture, self._start, self._length = mixture, start, length

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> Batch: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Batch]: ...

    def __getitem__(self, index: int | slice) -> Batch | Sequence[Batch]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        if not 0 <= index < self._length:
            raise IndexError(index)
        return self._mixture.batch(self._start + index)


class _Kind:
    """An endless stream of the rows of one kind."""

    def __init__(self, rows: NDArray[np.uint16], seed: str) -> None:
        self._rows, self._seed = rows, seed
        self._order = functools.lru_cache(maxsize=2)(self._shuffled)

    def __len__(self) -> int:
        return len(self._rows)

    def row(self, place: int) -> NDArray[np.uint16]:
        turn, place = divmod(place, len(self._rows))
        row: NDArray[np.uint16] = self._rows[self._order(turn)[place]]
        return row

    def _shuffled(self, turn: int) -> NDArray[np.int64]:
        seed = list(f"{self._seed}/{turn}".encode())
        return np.random.default_rng(seed).permutation(len(self._rows))
