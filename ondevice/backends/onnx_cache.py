"""The keys and values of ONNX sequences, kept as the rows of a batch while they go on together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = list[NDArray[Any]]
"""Keys and values of all layers, in the order of the graph's inputs, each of shape
(rows, heads, tokens, width)."""


class Block:
    """Some sequences' keys and values. Never written in place, so that forks share them.

    Where a row holds fewer tokens than the longest, they stand at the end, so that all rows grow
    at the same place; what is before them is to be masked.
    """

    def __init__(self, arrays: Arrays, lengths: Sequence[int] | NDArray[np.int64]) -> None:
        self.arrays = arrays
        self.lengths = np.asarray(lengths, dtype=np.int64)
        """Tokens of each row."""

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def room(self) -> int:
        """Tokens of the longest row, and those that others are filled up to."""
        return int(self.arrays[0].shape[2])

    def grown(self, arrays: Arrays, count: int) -> Block:
        """Return the block of the same rows with so many tokens more."""
        return Block(arrays, self.lengths + count)

    def row(self, number: int, length: int) -> Block:
        """Return a copy of the first tokens of one row, as a block of its own."""
        start = self.room - int(self.lengths[number])
        part = slice(start, start + length)
        rows = slice(number, number + 1)
        return Block([array[rows, :, part].copy() for array in self.arrays], [length])

    def mask(self, count: int) -> NDArray[np.int64]:
        """Return which tokens are seen when each row is given ``count`` more, as ones."""
        places = np.arange(self.room + count)
        seen: NDArray[np.int64] = (places >= self.room - self.lengths[:, None]).astype(np.int64)
        return seen

    def positions(self, count: int) -> NDArray[np.int64]:
        """Return the positions of ``count`` tokens more for each row."""
        return self.lengths[:, None] + np.arange(count)


Place = tuple[Block, int]
"""A block, and which of its rows."""


def gathered(places: Sequence[Place]) -> Block:
    """Return a block with these rows, in this order; the block itself where they are all of one."""
    first = places[0][0]
    if len(places) == len(first) and all(
        block is first and row == number for number, (block, row) in enumerate(places)
    ):
        return first
    lengths = [int(block.lengths[row]) for block, row in places]
    room = max(lengths)
    arrays = []
    for number, like in enumerate(first.arrays):
        joined = np.zeros((len(places), like.shape[1], room, like.shape[3]), like.dtype)
        for at, ((block, row), length) in enumerate(zip(places, lengths, strict=True)):
            source = block.arrays[number][row]
            joined[at, :, room - length :] = source[:, source.shape[1] - length :]
        arrays.append(joined)
    return Block(arrays, lengths)
