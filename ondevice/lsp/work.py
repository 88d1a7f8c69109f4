"""Decoding beside the loop that serves the client: in threads, and cancelled within a step."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal, Protocol

from ondevice.errors import ClosedError, OndeviceError
from ondevice.events import Event
from ondevice.model import Model

FAILURES = (OndeviceError, OSError, ImportError)
"""What loading and decoding raise that a user can do something about."""
_THREADS = 4
"""One computes at a time; the others are for what was cancelled and has not noticed yet."""


class Events(Protocol):
    """A stream of events that can be left before its end."""

    def __iter__(self) -> Iterator[Event]:
        """Go on with the next event."""

    def close(self) -> None:
        """Free what it holds."""


class Worker:
    """Loads the model when it is first needed, and runs its streams."""

    def __init__(self, load: Callable[[], Model]) -> None:
        self._load = load
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="ondevice")
        self._loading: asyncio.Future[Model] | None = None

    @property
    def is_loaded(self) -> bool:
        """Whether the model need not be waited for."""
        loading = self._loading
        return bool(
            loading and loading.done() and not loading.cancelled() and not loading.exception()
        )

    async def model(self) -> Model:
        """Return the model; several that wait for it load it once.

        Raises what loading does, and tries again the next time.
        """
        if self._loading is None or (self._loading.done() and not self.is_loaded):
            loop = asyncio.get_running_loop()
            self._loading = loop.run_in_executor(self._threads, self._load)
        # One who no longer waits leaves it to the others.
        return await asyncio.shield(self._loading)

    async def follow(
        self,
        stream: Callable[[], Events],
        tell: Callable[[Event], object] = lambda event: None,
    ) -> Event | None:
        """Go through a stream in a thread, calling ``tell`` in this one; return its last event.

        When the task is cancelled, the stream is closed after the event at which it is. Raises what
        the stream does.
        """
        loop = asyncio.get_running_loop()
        stop = threading.Event()

        def told(event: Event) -> None:
            if not stop.is_set():
                tell(event)

        def work() -> Event | None:
            last = None
            with contextlib.closing(stream()) as events:
                for last in events:
                    if stop.is_set():
                        break
                    loop.call_soon_threadsafe(told, last)
            return last

        try:
            return await loop.run_in_executor(self._threads, work)
        finally:
            stop.set()

    def close(self) -> None:
        """Wait for the threads, which were told to stop, and free the model."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        if self.is_loaded and self._loading:
            with contextlib.suppress(ClosedError):
                self._loading.result().close()


@dataclass(slots=True)
class Job:
    """A request under way; ``outrun`` says what made it pointless."""

    kind: Literal["edit", "completion"]
    task: asyncio.Task[object]
    outrun: str = field(default="")


class Jobs:
    """What is under way, by the URI of its document."""

    def __init__(self) -> None:
        self._running: dict[str, list[Job]] = {}

    @contextlib.contextmanager
    def running(self, uri: str, kind: Literal["edit", "completion"]) -> Iterator[Job]:
        """Register the present task for as long as the block lasts."""
        task = asyncio.current_task()
        assert task is not None
        job = Job(kind, task)
        self._running.setdefault(uri, []).append(job)
        try:
            yield job
        finally:
            self._running[uri].remove(job)
            if not self._running[uri]:
                del self._running[uri]

    def outrun(self, uri: str, why: str, kind: str | None = None) -> None:
        """Cancel what is under way for a document, or what of one kind is."""
        for job in self._running.get(uri, []):
            if not job.outrun and kind in (None, job.kind):
                job.outrun = why
                job.task.cancel()
