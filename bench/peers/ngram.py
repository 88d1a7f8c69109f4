"""An n-gram language model over token ids: interpolated Kneser-Ney with three discounts an order.

The formulas are those of Chen and Goodman, An Empirical Study of Smoothing Techniques for Language
Modeling (1998), section 3.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.uint64]
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


class _Order(NamedTuple):
    """Counts of the n-grams of one length, and sums over the n-grams that share a context."""

    ngrams: Numbers
    counts: NDArray[np.int64]
    contexts: Numbers
    totals: NDArray[np.int64]
    backoff: NDArray[np.float64]
    """By context: the share of probability that its discounts leave to the shorter n-grams."""
    discounts: NDArray[np.float64]
    """What is taken off a count of 1, of 2, and of more."""


class NGrams:
    """Probabilities of tokens after up to ``order`` - 1 others."""

    def __init__(self, tokens: NDArray[np.uint16], vocabulary: int, order: int = 5) -> None:
        self._vocabulary = vocabulary
        hashes = _hashes(tokens, order)
        # Lower orders count in how many different contexts an n-gram stands: places are those of
        # one occurrence of each longer n-gram.
        places = np.arange(order - 1, len(tokens))
        self._orders: list[_Order] = []
        for length in range(order, 0, -1):
            ngrams, first, counts = np.unique(
                hashes[length][places], return_index=True, return_counts=True
            )
            places = places[first]
            self._orders.insert(0, _order(ngrams, counts, hashes[length - 1][places - 1]))

    def log2(self, tokens: NDArray[np.uint16]) -> NDArray[np.float64]:
        """Return the binary logarithm of the probability of each token after those before it.

        The first ones have as much context as there is.
        """
        hashes = _hashes(tokens, len(self._orders))
        probability = np.full(len(tokens), 1 / self._vocabulary)
        for length, order in enumerate(self._orders, 1):
            places = np.arange(length - 1, len(tokens))
            # The context of a single token is empty; its hash is the same everywhere.
            context = hashes[length - 1][places - 1] if length > 1 else hashes[0][places]
            known, index = _find(order.contexts, context)
            places, index = places[known], index[known]
            counted, at = _find(order.ngrams, hashes[length][places])
            count = np.where(counted, order.counts[at], 0)
            discounted = np.maximum(count - order.discounts[np.minimum(count, 3)], 0)
            probability[places] = (
                discounted / order.totals[index] + order.backoff[index] * probability[places]
            )
        return np.log2(probability)


def _order(ngrams: Numbers, counts: NDArray[np.int64], contexts: Numbers) -> _Order:
    n1, n2, n3, n4 = (max(1, int((counts == number).sum())) for number in (1, 2, 3, 4))
    y = n1 / (n1 + 2 * n2)
    discounts = np.array([0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3])
    discounts = np.maximum(discounts, 0)
    unique, index = np.unique(contexts, return_inverse=True)
    totals = np.bincount(index, counts).astype(np.int64)
    taken = np.bincount(index, discounts[np.minimum(counts, 3)])
    return _Order(ngrams, counts, unique, totals, taken / totals, discounts)


def _hashes(tokens: NDArray[np.uint16], order: int) -> list[Numbers]:
    """Return, by length, a number for the n-gram that ends at each place.

    At 64 bits, two of 10^8 n-grams share one with a probability of 3 in 10,000.
    """
    hashes = [np.zeros(len(tokens), np.uint64)]
    mixed = _mixed(tokens.astype(np.uint64) + np.uint64(1))
    for length in range(1, order + 1):
        shifted = np.zeros(len(tokens), np.uint64)
        shifted[1:] = hashes[-1][:-1]
        hashes.append(_mixed(shifted * _FACTOR + mixed + np.uint64(length)))
    return hashes


def _mixed(numbers: Numbers) -> Numbers:
    numbers = (numbers ^ (numbers >> np.uint64(31))) * _FACTOR
    return numbers ^ (numbers >> np.uint64(29))


def _find(sorted_numbers: Numbers, wanted: Numbers) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Return which of the wanted are there, and where."""
    index = np.minimum(np.searchsorted(sorted_numbers, wanted), len(sorted_numbers) - 1)
    return sorted_numbers[index] == wanted, index
