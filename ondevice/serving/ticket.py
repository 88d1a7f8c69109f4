"""One request on its way: what it asks, and what comes of it, across two threads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from ondevice.decoding import Engine
from ondevice.events import Event
from ondevice.serving.asking import Ask

QUIET = 15.0
"""Seconds without events after which that is told."""


@dataclass(frozen=True, slots=True)
class Failed:
    """An error ended the request."""

    error: Exception


Message = list[Event] | Failed | None
"""What happened; None at the end. The first says only that the request can be carried out."""


class Ticket:
    """A request that was put in line; made in the event loop, which alone reads it."""

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.left = False
        """Whether the client has gone; set in the loop, read in the decoder's thread."""
        self.engine: Engine | None = None
        self.started = 0.0
        self.pending: list[Event] = []
        """What happened and has not been passed on; of the decoder's thread."""
        self._loop = asyncio.get_running_loop()
        self._messages: asyncio.Queue[Message] = asyncio.Queue()

    def taken(self) -> list[Event]:
        """Return what is pending, which it is no longer then."""
        events, self.pending = self.pending, []
        return events

    def put(self, message: Message) -> None:
        """Add a message, in the loop."""
        self._messages.put_nowait(message)

    def call(self, function: Callable[[], None]) -> None:
        """Have the loop call something, from another thread."""
        try:
            self._loop.call_soon_threadsafe(function)
        except RuntimeError:  # the loop has been closed, and nobody listens
            self.left = True

    async def accepted(self) -> None:
        """Wait until it is known whether the request can be carried out; raise why not."""
        message = await self._messages.get()
        if isinstance(message, Failed):
            raise message.error

    async def steps(self) -> AsyncIterator[list[Event]]:
        """Give the events of each step, as they come; raise what ended the request, if any.

        After a while without any, none are given, so that a connection can be kept alive.
        """
        while (message := await self._next()) is not None:
            if isinstance(message, Failed):
                raise message.error
            yield message

    async def _next(self) -> Message:
        if not self._messages.empty():
            return self._messages.get_nowait()
        try:
            async with asyncio.timeout(QUIET):
                return await self._messages.get()
        except TimeoutError:
            return []
