"""From logits to a token: temperature, top-k, top-p and min-p, with a generator of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ondevice.errors import RequestError

FloatArray = NDArray[np.float32]

_FIRST_LOOK = 64
"""How many tokens top-p sorts before it looks at more: sorting a whole vocabulary of 50,000 costs
milliseconds a token, and a trained model is seldom that undecided."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are chosen.

    ``temperature`` 0 takes the most likely token and ignores the rest. Otherwise the logits are
    divided by it first, and what may be drawn is then narrowed by ``top_k`` (0: off), ``top_p``
    (1: off) and ``min_p`` (0: off), in this order; that is Hugging Face's order, too.
    """

    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0

    def __post_init__(self) -> None:
        """Raise ``RequestError`` for a value out of range."""
        if not 0.0 <= self.temperature <= 100.0:
            raise RequestError(f"temperature must be from 0 to 100, not {self.temperature}")
        if self.top_k < 0:
            raise RequestError(f"top_k must be 0 (off) or more, not {self.top_k}")
        if not 0.0 < self.top_p <= 1.0:
            raise RequestError(f"top_p must be above 0 and at most 1, not {self.top_p}")
        if not 0.0 <= self.min_p <= 1.0:
            raise RequestError(f"min_p must be from 0 to 1, not {self.min_p}")


def sample(logits: FloatArray, sampling: Sampling, rng: np.random.Generator) -> int:
    """Draw one token from logits of shape (vocabulary,), of which at least one is finite."""
    if sampling.temperature == 0.0:
        return int(np.argmax(logits))
    shifted = logits.astype(np.float64) - float(logits.max())
    with np.errstate(over="ignore"):  # close to temperature 0, all but the best overflow to -inf
        weights = np.exp(shifted / sampling.temperature)
    candidates = np.arange(len(weights))
    if 0 < sampling.top_k < len(weights):
        candidates = np.argpartition(weights, -sampling.top_k)[-sampling.top_k :]
    if sampling.top_p < 1.0:
        candidates = _nucleus(weights, candidates, sampling.top_p)
    weights = weights[candidates]
    # The most likely token has weight 1, so that min_p is the bound itself.
    cumulative = np.cumsum(np.where(weights >= sampling.min_p, weights, 0.0))
    cumulative /= cumulative[-1]
    return int(candidates[np.searchsorted(cumulative, rng.random(), side="right")])


def _nucleus(
    weights: NDArray[np.float64], candidates: NDArray[np.intp], share: float
) -> NDArray[np.intp]:
    """Return the fewest candidates that make up ``share`` of their weight, most likely first."""
    enough = share * weights[candidates].sum()
    count = _FIRST_LOOK
    while True:
        top = candidates
        if count < len(candidates):
            top = candidates[np.argpartition(weights[candidates], -count)[-count:]]
        top = top[np.argsort(-weights[top], kind="stable")]
        reached = int(np.searchsorted(np.cumsum(weights[top]), enough))
        if reached < len(top) or count >= len(candidates):
            return top[: reached + 1]
        count *= 8


def log_probability(logits: FloatArray, token: int) -> float:
    """Return the natural log-probability of a token at temperature 1."""
    shifted = logits.astype(np.float64) - float(logits.max())
    return float(shifted[token] - np.log(np.exp(shifted).sum()))
