"""The sequences of one request: places that share a sequence for as long as their tokens agree."""

from __future__ import annotations

import itertools
import math
import threading
from collections import defaultdict
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np

from ondevice.backends.base import Backend, Logits
from ondevice.errors import ModelFormatError

CHUNK = 64
"""Tokens of a prompt that are evaluated at once, and the grid on which a prefix that a sequence
holds already is used again: so the batches that make a prompt's logits are always the same."""

_Job = tuple[int, int, tuple[int, ...]]
"""A sequence, how many of its tokens count, and those to append."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a lease wants computed next: the tokens to append to sequences of the backend.

    Whoever goes through a generator of these answers each with its logits, of shape
    (rows, vocabulary); so the work of several leases can be one batch.
    """

    lease: Lease
    rows: list[tuple[int, list[int]]]

    def compute(self) -> Logits:
        """Return the logits after the last token of each row; see ``Backend.evaluate``."""
        with self.lease.computing:
            return compute_together([self])[0]


Evaluation = Generator[Work, Logits, Logits]


class Lease:
    """Sequences that a request has for itself; it names them by their places, from 0.

    Places that hold the same tokens are one sequence of the backend, which is evaluated once for
    all of them. Which token comes next each draws for itself, and the sequence is copied where they
    part; so samples are independent, and of the same distribution, as if each had its own. Places
    that come to hold the same again are one again. Only what this request has evaluated counts for
    that, so that what ran before changes nothing.
    """

    def __init__(
        self, backend: Backend, computing: threading.Lock, held: dict[int, list[int]]
    ) -> None:
        self.backend = backend
        self.computing = computing
        self.held = held
        """By the backend's number of a sequence: the tokens that it holds."""
        self._numbers = list(held)
        """By place: the sequence that it looks at."""
        self._lengths = [len(tokens) for tokens in held.values()]
        """By place: how many of the sequence's tokens are its own; others' may follow."""
        self._after: dict[int, Logits] = {}
        """By sequence: the logits after all of its tokens, where this request has made them."""

    def __len__(self) -> int:
        return len(self._numbers)

    def evaluate(self, batch: Sequence[tuple[int, list[int]]]) -> Logits:
        """Append tokens to places in one batch, and return the logits after each one's last.

        Raises ``ModelFormatError`` for weights that give logits that are no numbers; see
        ``Backend.evaluate`` for the rest.
        """
        return _computed(self.evaluation(batch))

    def evaluation(self, batch: Sequence[tuple[int, list[int]]]) -> Evaluation:
        """As ``evaluate``, but leave the computing to whoever goes through this."""
        if len(self) > 1:
            return (yield from self._evaluation_shared(batch))
        (number,), (_, tokens) = self._numbers, batch[0]
        logits = yield from self._appended([(number, tokens)])
        self._lengths[0] = len(self.held[number])
        return logits

    def prefill(self, place: int, tokens: list[int]) -> Logits:
        """Make a place hold exactly these tokens; return the logits after the last one."""
        return _computed(self.prefilling(place, tokens))

    def prefilling(self, place: int, tokens: list[int]) -> Evaluation:
        """As ``prefill``, but leave the computing to whoever goes through this."""
        held = self.held[self._numbers[place]][: self._lengths[place]]
        known = min(common(held, tokens), len(tokens) - 1) // CHUNK * CHUNK
        self.truncate(place, known)
        for start in range(known, len(tokens), CHUNK):
            logits = yield from self.evaluation([(place, tokens[start : start + CHUNK])])
        row: Logits = logits[0]
        return row

    def share(self, place: int, tokens: list[int]) -> None:
        """Make a place hold what is the beginning of some sequence, or is to be evaluated anew."""
        for number in self._after:
            if self.held[number][: len(tokens)] == tokens:
                self._numbers[place], self._lengths[place] = number, len(tokens)
                return
        self.prefill(place, tokens)

    def truncate(self, place: int, length: int) -> None:
        """Forget all tokens of a place from position ``length`` on."""
        self._lengths[place] = min(self._lengths[place], length)
        number = self._numbers[place]
        if self._numbers.count(number) == 1:
            with self.computing:
                self._cut(number, length)

    def _evaluation_shared(self, batch: Sequence[tuple[int, list[int]]]) -> Evaluation:
        rows: list[Logits | None] = [None] * len(batch)
        jobs: dict[_Job, list[int]] = defaultdict(list)
        for row, (place, tokens) in enumerate(batch):
            number, length = self._numbers[place], self._lengths[place]
            known = self._known(number, length, tokens)
            if known is None:
                jobs[number, length, tuple(tokens)].append(row)
            else:
                self._look_at(place, known)
                rows[row] = self._after[known]
        # Those that go on where a sequence ends need no copy, others' places before that or not.
        ordered = sorted(jobs, key=lambda job: job[1] < len(self.held[job[0]]))
        taken: set[int] = set()
        work = []
        with self.computing:
            for job in ordered:
                places = [batch[row][0] for row in jobs[job]]
                number = self._for_itself(job, places, taken)
                taken.add(number)
                work.append((number, list(job[2])))
        if work:
            logits = yield from self._appended(work)
            for (number, _), job, made in zip(work, ordered, logits, strict=True):
                for row in jobs[job]:
                    self._look_at(batch[row][0], number)
                    rows[row] = made
            if len(work) == len(batch) and list(jobs) == ordered:
                return logits
        return np.stack([row for row in rows if row is not None])

    def _known(self, number: int, length: int, tokens: list[int]) -> int | None:
        """Return a sequence that holds what appending would make, and whose logits are known."""
        wanted = length + len(tokens)
        for other in self._after:
            held = self.held[other]
            if (
                len(held) == wanted
                and held[length:] == tokens
                and held[:length] == self.held[number][:length]
            ):
                return other
        return None

    def _for_itself(self, job: _Job, places: list[int], taken: set[int]) -> int:
        """Return a sequence that holds just what the job appends to: its own, or a copy."""
        number, length, _ = job
        others = [
            self._lengths[place]
            for place, looked_at in enumerate(self._numbers)
            if looked_at == number and place not in places
        ]
        if number not in taken and max(others, default=0) <= length:
            self._cut(number, length)
            return number
        free = min(self.held.keys() - set(self._numbers) - taken)
        self.backend.fork(number, free)
        self.held[free] = list(self.held[number])
        self._after.pop(free, None)
        self._cut(free, length)
        for place in places:
            self._numbers[place] = free
        return free

    def _look_at(self, place: int, number: int) -> None:
        self._numbers[place], self._lengths[place] = number, len(self.held[number])

    def _cut(self, number: int, length: int) -> None:
        if len(self.held[number]) > length:
            self.backend.truncate(number, length)
            del self.held[number][length:]
            self._after.pop(number, None)

    def _appended(self, work: list[tuple[int, list[int]]]) -> Evaluation:
        logits = yield Work(self, work)
        for row, (number, tokens) in enumerate(work):
            self.held[number] += tokens
            self._after[number] = logits[row]
        best = np.maximum.reduce(logits, axis=1)
        if not all(map(math.isfinite, best.tolist())):
            raise ModelFormatError(
                "the model computed logits that are no numbers: its weights are damaged"
            )
        return logits


def compute_together(works: Sequence[Work]) -> list[Logits]:
    """Return the logits of work for one backend, computed in one batch.

    The caller holds the leases' lock.
    """
    backend = works[0].lease.backend
    logits = backend.evaluate([row for work in works for row in work.rows])
    if len(works) == 1:
        return [logits]
    ends = list(itertools.accumulate(len(work.rows) for work in works))
    # Copies: a checkpoint that keeps one row is not to keep the whole batch.
    return [part.copy() for part in np.split(logits, ends[:-1])]


def _computed(evaluation: Evaluation) -> Logits:
    """Go through an evaluation with no other beside it."""
    try:
        work = next(evaluation)
        while True:
            work = evaluation.send(work.compute())
    except StopIteration as end:
        logits: Logits = end.value
        return logits


def common(first: Sequence[int], second: Sequence[int]) -> int:
    """Return how many tokens two texts begin with that are the same."""
    for place, (one, other) in enumerate(zip(first, second, strict=False)):
        if one != other:
            return place
    return min(len(first), len(second))
