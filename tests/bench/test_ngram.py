"""The n-gram model is a probability distribution, and knows what it has seen."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from peers.ngram import NGrams

RNG = np.random.default_rng(0)
SEEN = np.minimum(RNG.geometric(0.3, 400), 6).astype(np.uint16)


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_probabilities_sum_to_one(order: int) -> None:
    model = NGrams(SEEN, 8, order)
    for context in ([], [1], [1, 2, 1, 1], [7, 7, 7, 7], [3, 7, 1, 2]):
        following = [np.array([*context, token], np.uint16) for token in range(8)]
        total = sum(2 ** model.log2(tokens)[-1] for tokens in following)
        assert total == pytest.approx(1)


def test_what_was_seen_is_likely() -> None:
    tokens = np.array([1, 2, 3, 4, 5, 6, 7] * 50, np.uint16)
    found = NGrams(tokens, 100).log2(tokens)
    assert found[10:].min() > -0.5
    assert NGrams(tokens, 100).log2(tokens[::-1])[10:].max() < -2


def test_longer_contexts_help() -> None:
    text = np.frombuffer(Path(__file__).read_bytes() * 2, np.uint8).astype(np.uint16)
    half = len(text) // 2
    bits = [-NGrams(text[:half], 256, order).log2(text[half:]).mean() for order in (1, 2, 3, 5)]
    assert bits == sorted(bits, reverse=True)
    assert bits[-1] < bits[0] / 3
