"""From logits to tokens: temperature, top-k, top-p and min-p, for all branches in one step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ondevice.errors import RequestError

FloatArray = NDArray[np.float32]

_FIRST_LOOK = 64
"""How many tokens top-p sorts before it looks at more: a trained model is seldom that undecided."""
_COLD = 1e-3
"""The temperature from which on quotients of logits are sure to be finite."""
_COLUMNS = 4
"""Columns for each token that top-k keeps: see ``_bound``."""
_WORD = 8
"""Truth values that are looked at together."""


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
    return sample_rows(logits[None], sampling, [rng])[0]


def sample_rows(
    logits: FloatArray, sampling: Sampling, rngs: Sequence[np.random.Generator]
) -> list[int]:
    """Draw a token for each row of logits of shape (rows, vocabulary), by its own generator.

    What a row draws does not depend on the other rows.
    """
    if sampling.temperature == 0.0:
        greedy: list[int] = logits.argmax(axis=1).tolist()
        return greedy
    if len(logits) == 1 and (drawn := _drawn_alone(logits[0], sampling, rngs[0])) is not None:
        return [drawn]
    # In float32 throughout; close to temperature 0, all but the best overflow to -inf.
    scale = np.float32(min(1 / max(sampling.temperature, 1e-38), 3e38))
    with np.errstate(over="ignore"):
        # The most likely token has weight 1, so that min_p is the bound itself.
        weights = np.exp((logits - logits.max(axis=1, keepdims=True)) * scale)
    numbers = np.array([rng.random() for rng in rngs])
    if sampling.top_k or sampling.top_p < 1.0:
        return _drawn(_narrowed(weights, sampling), numbers)
    cumulative = np.cumsum(np.where(weights >= sampling.min_p, weights, 0), axis=1, dtype=float)
    return [
        int(np.searchsorted(row, number * row[-1], side="right"))
        for row, number in zip(cumulative, numbers, strict=True)
    ]


def _drawn_alone(logits: FloatArray, sampling: Sampling, rng: np.random.Generator) -> int | None:
    """Draw for one row of which few tokens come into question, in few calls of numpy.

    Returns None, and draws nothing, where there may be many, and where numbers may overflow.
    """
    count = sampling.top_k or _FIRST_LOOK
    few = count <= min(len(logits), _FIRST_LOOK) and (sampling.top_k or sampling.top_p < 1.0)
    if not few or sampling.temperature < _COLD:
        return None
    scale = np.float32(1 / sampling.temperature)
    tokens = _at_least(logits, _bound(logits[None], count)[0])
    found = logits[tokens]
    order = (-found).argsort(kind="stable")[:count]
    found = found[order]
    best = found[0]
    weights = np.exp((found - best) * scale)
    sums = weights.cumsum(dtype=np.float64)
    kept = count
    if sampling.top_p < 1.0:
        total = sums[-1]
        if not sampling.top_k:
            total = np.exp((logits - best) * scale).sum(dtype=np.float64)
        enough = sampling.top_p * total
        if enough > sums[-1]:
            return None
        kept = min(kept, int(sums.searchsorted(enough)) + 1)
    if sampling.min_p:
        kept = int((weights[:kept] >= sampling.min_p).sum())
    place = int(sums.searchsorted(rng.random() * sums[kept - 1], side="right"))
    return int(tokens[order[min(place, kept - 1)]])


class _Candidates(NamedTuple):
    """What may be drawn, row by row, in each the most likely first: equally long columns."""

    rows: NDArray[np.intp]
    tokens: NDArray[np.intp]
    weights: NDArray[np.float64]


def _narrowed(weights: FloatArray, sampling: Sampling) -> _Candidates:
    floor = _floor(weights, sampling)
    rows, tokens = np.nonzero(weights >= floor[:, None])
    found = weights[rows, tokens].astype(np.float64)
    alone = len(weights) == 1
    order = np.argsort(-found, kind="stable") if alone else np.lexsort((-found, rows))
    rows, tokens, found = rows[order], tokens[order], found[order]
    starts = np.searchsorted(rows, np.arange(len(weights)))
    keep = found >= sampling.min_p
    if sampling.top_k:
        among = np.arange(len(rows)) - starts[rows] < sampling.top_k
        found = np.where(among, found, 0.0)
        keep &= among
        total = np.add.reduceat(found, starts)
    else:
        total = weights.sum(axis=1, dtype=np.float64)
    before = np.cumsum(found) - found
    before -= before[starts][rows]
    if sampling.top_p < 1.0:
        keep &= before < sampling.top_p * total[rows]
    return _Candidates(rows[keep], tokens[keep], found[keep])


def _floor(weights: FloatArray, sampling: Sampling) -> FloatArray:
    """Return a bound for each row, below which no token can be drawn."""
    vocabulary = weights.shape[1]
    if 0 < sampling.top_k < vocabulary:
        return _bound(weights, sampling.top_k)
    floor = np.zeros(len(weights), dtype=np.float32)
    if sampling.top_p == 1.0:
        return floor
    enough = sampling.top_p * weights.sum(axis=1, dtype=np.float64)
    undecided = np.arange(len(weights))
    count = _FIRST_LOOK
    while count < vocabulary and len(undecided):
        looked_at = weights[undecided]
        bound = _bound(looked_at, count)
        mass = np.where(looked_at >= bound[:, None], looked_at, 0).sum(axis=1, dtype=np.float64)
        decided = mass >= enough[undecided]
        floor[undecided[decided]] = bound[decided]
        undecided = undecided[~decided]
        count *= 8
    return floor


def _bound(logits: FloatArray, k: int) -> FloatArray:
    """Return a bound for each row that at least k of its values reach, and seldom many more.

    The values are dealt out to columns, of which each has a best: those are taken side by side,
    and to part so few is soon done. To part a row of 50,000 takes a quarter of a millisecond.
    """
    count, vocabulary = logits.shape
    height = vocabulary // (_COLUMNS * k)
    if height > 1:
        width = vocabulary // height
        table = logits[:, : height * width].reshape(count, height, width)
        logits = np.maximum.reduce(table, axis=1)
    result: FloatArray = np.partition(logits, -k, axis=1)[:, -k]
    return result


def _at_least(logits: FloatArray, bound: np.float32) -> NDArray[np.intp]:
    """Return the few places of a row whose values reach a bound, in ascending order.

    The answers are looked through eight at a time; one by one takes ten times as long.
    """
    reached = logits >= bound
    whole = len(reached) // _WORD * _WORD
    words = reached[:whole].view(np.uint64).nonzero()[0]
    places = np.add.outer(words * _WORD, np.arange(_WORD)).ravel()
    places = np.concatenate((places, np.arange(whole, len(reached))))
    return places[reached[places]]


def _drawn(candidates: _Candidates, numbers: NDArray[np.float64]) -> list[int]:
    rows, tokens, weights = candidates
    cumulative = np.cumsum(weights)
    starts = np.searchsorted(rows, np.arange(len(numbers)))
    stops = np.append(starts[1:], len(rows))
    before = np.where(starts > 0, cumulative[starts - 1], 0.0)
    wanted = before + numbers * (cumulative[stops - 1] - before)
    places = np.searchsorted(cumulative, wanted, side="right")
    drawn: list[int] = tokens[np.clip(places, starts, stops - 1)].tolist()
    return drawn


def log_probability(logits: FloatArray, token: int) -> float:
    """Return the natural log-probability of a token at temperature 1."""
    best = np.maximum.reduce(logits)
    powers = logits - best
    np.exp(powers, out=powers)
    total = math.log(np.add.reduce(powers, dtype=np.float64))
    return float(logits[token]) - float(best) - total
