"""Which batch width and how many threads suit a model on this machine, found by trying."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable

import numpy as np

from ondevice.backends.base import Backend, Logits

_PAST = 64
"""Tokens in front of those that are timed."""
_STEPS = 16
_WIDTHS = (1, 2, 4, 8, 16, 32, 64)
_SECONDS = 0.4
"""After this long, a candidate is not tried any further."""
_ENOUGH = 0.9
"""Share of the best rate from which on a width is taken: a wide batch shares more (see
``Lease``)."""
_WORTH = 1.25
"""By how much each further choice of threads must be faster: where another program takes a core
away, all threads wait for the one that lost it."""


def step_seconds(backend: Backend, sequences: list[int]) -> float:
    """Return what one token for each of some empty sequences takes, and leave them empty.

    The least of several times: whatever else the machine does can only make it longer.
    """
    token = next(iter(backend.end_tokens))
    past = [token] * min(_PAST, backend.context_length // 2)
    for sequence in sequences:
        backend.evaluate([(sequence, past)])
    batch = [(sequence, [token]) for sequence in sequences]
    times = _timed(lambda: backend.evaluate(batch), min(_STEPS, backend.context_length // 2))
    for sequence in sequences:
        backend.truncate(sequence, 0)
    return min(times)


def best_width(backend: Backend, sequences: list[int]) -> int:
    """Return the largest width, up to that of all these sequences, that is not slow."""
    widths = [width for width in _WIDTHS if width < len(sequences)]
    rates = {
        width: width / step_seconds(backend, sequences[:width])
        for width in [*widths, len(sequences)]
    }
    return max(width for width, rate in rates.items() if rate >= _ENOUGH * max(rates.values()))


def independent_width(backend: Backend, sequences: list[int]) -> int:
    """Return how many rows that have nothing to do with each other are best evaluated at once.

    It is 1 where a row's logits are not the same to the last bit whatever stands beside it: in
    int8 ONNX graphs, say, all rows of a batch share the scale of what goes into a product.
    """
    lengths = [_fill(backend, sequence) for sequence in sequences]
    token = next(iter(backend.end_tokens))

    def after(group: list[int]) -> Logits:
        logits = backend.evaluate([(sequences[at], [token]) for at in group])
        for at in group:
            backend.truncate(sequences[at], lengths[at])
        return logits

    def round_of(width: int) -> list[Logits]:
        return [after(everyone[at : at + width]) for at in everyone[::width]]

    everyone = list(range(len(sequences)))
    alone = np.concatenate(round_of(1))
    widths = [width for width in _WIDTHS if width < len(everyone)]
    times: dict[int, float] = {}
    for width in [*widths, len(everyone)]:
        step = functools.partial(round_of, width)
        if not np.array_equal(np.concatenate(step()), alone):
            times = {1: 0.0}
            break
        times[width] = min(_timed(step))
    for sequence in sequences:
        backend.truncate(sequence, 0)
    return max(
        width for width, seconds in times.items() if min(times.values()) >= _ENOUGH * seconds
    )


def _fill(backend: Backend, sequence: int) -> int:
    """Give a sequence some tokens, the greater its number, the fewer; return how many."""
    most = min(_PAST, backend.context_length // 2)
    tokens = np.random.default_rng(sequence).integers(
        backend.vocab_size, size=max(1, most - 3 * sequence)
    )
    backend.evaluate([(sequence, tokens.tolist())])
    return len(tokens)


def _timed(step: Callable[[], object], most: int = _STEPS) -> list[float]:
    """Return the seconds that each of some steps takes."""
    times: list[float] = []
    while len(times) < most and sum(times) < _SECONDS:
        started = time.perf_counter()
        step()
        times.append(time.perf_counter() - started)
    return times


def best_threads(backend: Backend, candidates: Iterable[int]) -> int:
    """Return the number of threads that serves one stream best, and leave it set.

    ``candidates`` are in ascending order; the first sequence of the backend is used, and emptied.
    """
    chosen, seconds = 0, 0.0
    for threads in candidates:
        backend.set_threads(threads)
        found = step_seconds(backend, [0])
        if not chosen or found * _WORTH < seconds:
            chosen, seconds = threads, found
    backend.set_threads(chosen)
    return chosen
