"""Which batch width and how many threads suit a model on this machine, found by trying."""

from __future__ import annotations

import time
from collections.abc import Iterable

from ondevice.backends.base import Backend

_PAST = 64
"""Tokens in front of those that are timed."""
_STEPS = 16
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
    times: list[float] = []
    while len(times) < min(_STEPS, backend.context_length // 2) and sum(times) < _SECONDS:
        started = time.perf_counter()
        backend.evaluate([(sequence, [token]) for sequence in sequences])
        times.append(time.perf_counter() - started)
    for sequence in sequences:
        backend.truncate(sequence, 0)
    return min(times)


def best_width(backend: Backend, sequences: list[int]) -> int:
    """Return the largest width, up to that of all these sequences, that is not slow."""
    widths = [width for width in (1, 2, 4, 8, 16, 32, 64) if width < len(sequences)]
    rates = {
        width: width / step_seconds(backend, sequences[:width])
        for width in [*widths, len(sequences)]
    }
    return max(width for width, rate in rates.items() if rate >= _ENOUGH * max(rates.values()))


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
