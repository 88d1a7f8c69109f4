"""The sequences of a backend, lent to requests: several at once, from several threads."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from ondevice.backends.base import Backend
from ondevice.decoding.constraints import Matchers
from ondevice.decoding.lease import Lease, common
from ondevice.decoding.probe import best_width, independent_width
from ondevice.errors import ClosedError


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
        self._matchers: Matchers | None = None

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

    def has_room(self, wanted: int) -> bool:
        """Tell whether so many sequences could be lent at once now."""
        with self._changed:
            return len(self._held) >= wanted

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
            self._matchers = None
            self.backend.close()
            self._changed.notify_all()

    @contextlib.contextmanager
    def computing(self) -> Iterator[Backend]:
        """Give the backend to one thread alone."""
        with self._computing:
            self._check_open()
            yield self.backend

    def best_width(self) -> int:
        """Return how many sequences are best evaluated at once, by trying them all."""
        return self._try_all(best_width)

    def independent_width(self) -> int:
        """Return how many requests may be evaluated at once; 1 where that changes logits."""
        return self._try_all(independent_width)

    def _try_all(self, probe: Callable[[Backend, list[int]], int]) -> int:
        with self.lease([], self.backend.max_sequences) as lease, self.computing() as backend:
            for number, tokens in lease.held.items():
                backend.truncate(number, 0)
                tokens.clear()
            return probe(backend, list(lease.held))

    def matchers(self) -> Matchers:
        """Return what makes the matchers of constraints over the backend's vocabulary."""
        with self.computing() as backend:
            if self._matchers is None:
                self._matchers = Matchers(backend.constraint_tokenizer())
            return self._matchers

    def _count(self, thread: int, more: int) -> None:
        self._borrowers[thread] = self._borrowers.get(thread, 0) + more
        if not self._borrowers[thread]:
            del self._borrowers[thread]

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError("the model has been closed; load it again to use it")
