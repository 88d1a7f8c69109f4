"""The sequences of a backend, lent to requests: several at once, from several threads."""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Iterator, Sequence

from ondevice.backends.base import Backend, Logits
from ondevice.errors import ClosedError, ModelFormatError

CHUNK = 64
"""Tokens of a prompt that are evaluated at once, and the grid on which a prefix that a sequence
holds already is used again: so the batches that make a prompt's logits are always the same."""


class Pool:
    """Lends sequences and lets one thread at a time compute.

    What a sequence held stays in the cache until another request needs it, so that a prompt with
    the same beginning costs only what is new.
    """

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self._computing = threading.Lock()
        self._changed = threading.Condition()
        self._held: dict[int, list[int]] = {}
        """By sequence that is free: the tokens that it still holds."""
        for number in range(backend.max_sequences):
            backend.truncate(number, 0)
            self._held[number] = []
        self._borrowers: dict[int, int] = {}
        """By thread: how many sequences it has."""
        self._closed = False

    @contextlib.contextmanager
    def lease(self, prompt: list[int], wanted: int) -> Iterator[Lease]:
        """Lend so many sequences, or all that there are; wait until they are free.

        Raises ``ClosedError`` when the pool is closed, and when only the calling thread itself
        could free what it waits for.
        """
        wanted = min(wanted, self.backend.max_sequences)
        with self._changed:
            while len(self._held) < wanted and not self._closed:
                if set(self._borrowers) == {threading.get_ident()}:
                    raise ClosedError(
                        "this thread has a stream of the model that is not finished; go through "
                        "it to its end, or close it, before asking for another"
                    )
                self._changed.wait()
            self._check_open()
            # The best match first, so that the prompt's tokens are there already.
            order = sorted(
                self._held, key=lambda number: (-common(self._held[number], prompt), number)
            )
            taken = {number: self._held.pop(number) for number in order[:wanted]}
            self._count(threading.get_ident(), wanted)
            borrower = threading.get_ident()
        lease = Lease(self.backend, self._computing, taken)
        try:
            yield lease
        finally:
            with self._changed:
                self._held |= lease.held
                self._count(borrower, -wanted)
                self._changed.notify_all()

    def close(self) -> None:
        """Close the backend; calling it again does nothing.

        Raises ``ClosedError`` while sequences are lent.
        """
        with self._changed:
            if self._borrowers:
                raise ClosedError(
                    "the model is decoding a request; wait for it, or close its stream"
                )
            self._closed = True
            self.backend.close()
            self._changed.notify_all()

    @contextlib.contextmanager
    def computing(self) -> Iterator[Backend]:
        """Give the backend to one thread alone."""
        with self._computing:
            self._check_open()
            yield self.backend

    def _count(self, thread: int, more: int) -> None:
        self._borrowers[thread] = self._borrowers.get(thread, 0) + more
        if not self._borrowers[thread]:
            del self._borrowers[thread]

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError("the model has been closed; load it again to use it")


class Lease:
    """Sequences that a request has for itself; it names them by their places, from 0."""

    def __init__(
        self, backend: Backend, computing: threading.Lock, held: dict[int, list[int]]
    ) -> None:
        self._backend = backend
        self._computing = computing
        self._numbers = list(held)
        self.held = held
        """By the backend's number of a sequence: the tokens that it holds."""

    def __len__(self) -> int:
        return len(self._numbers)

    def evaluate(self, batch: Sequence[tuple[int, list[int]]]) -> Logits:
        """Append tokens to sequences in one batch; see ``Backend.evaluate``.

        Raises ``ModelFormatError`` for weights that give logits that are no numbers.
        """
        rows = [(self._numbers[place], tokens) for place, tokens in batch]
        with self._computing:
            logits = self._backend.evaluate(rows)
            for number, tokens in rows:
                self.held[number] += tokens
        best = logits.max(axis=1).tolist()
        if not all(map(math.isfinite, best)):
            raise ModelFormatError(
                "the model computed logits that are no numbers: its weights are damaged"
            )
        return logits

    def prefill(self, place: int, tokens: list[int]) -> Logits:
        """Make a sequence hold exactly these tokens; return the logits after the last one."""
        number = self._numbers[place]
        known = min(common(self.held[number], tokens), len(tokens) - 1) // CHUNK * CHUNK
        self.truncate(place, known)
        for start in range(known, len(tokens), CHUNK):
            logits = self.evaluate([(place, tokens[start : start + CHUNK])])
        row: Logits = logits[0]
        return row

    def fork(self, source: int, target: int, length: int) -> None:
        """Make a sequence hold the first so many tokens of another."""
        number, copy = self._numbers[source], self._numbers[target]
        if number == copy:
            self.truncate(source, length)
            return
        with self._computing:
            self._backend.fork(number, copy)
            self._backend.truncate(copy, length)
            self.held[copy] = self.held[number][:length]

    def truncate(self, place: int, length: int) -> None:
        """Forget all tokens of a sequence from position ``length`` on."""
        number = self._numbers[place]
        if len(self.held[number]) > length:
            with self._computing:
                self._backend.truncate(number, length)
                del self.held[number][length:]


def common(first: Sequence[int], second: Sequence[int]) -> int:
    """Return how many tokens two texts begin with that are the same."""
    for place, (one, other) in enumerate(zip(first, second, strict=False)):
        if one != other:
            return place
    return min(len(first), len(second))
