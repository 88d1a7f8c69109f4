"""What the training loop is fed with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

IGNORED = -100


@dataclass(frozen=True)
class Batch:
    """Token ids and targets, int64 of shape (rows, length); targets are the ids one step on,
    ``IGNORED`` where no loss is taken.

    ``documents``, of the same shape, numbers the documents that share a row, which do not see each
    other; where it is left out, each row is one.
    """

    ids: NDArray[np.int64]
    targets: NDArray[np.int64]
    documents: NDArray[np.int64] | None = None

    def part(self, rows: slice) -> Batch:
        """Return a batch of some of the rows."""
        documents = None if self.documents is None else self.documents[rows]
        return Batch(self.ids[rows], self.targets[rows], documents)

    @property
    def counted(self) -> int:
        """The number of tokens that a loss is taken on."""
        return int((self.targets != IGNORED).sum())


class Batches(Protocol):
    """All batches of a run, in an order that depends on the recipe alone: a run can resume at any
    of them."""

    def epoch(self, number: int) -> Sequence[Batch]:
        """Return the batches of one pass over the data, the same whenever it is asked for."""
        ...
