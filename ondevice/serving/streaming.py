"""Server-sent events, and clients that go away in the middle of them."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Awaitable, Iterable
from typing import Any, TypeVar

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

T = TypeVar("T")

WAITING = b": waiting\n\n"
"""A comment, which readers of server-sent events pass over."""


class ClientGoneError(Exception):
    """Nobody waits for the answer any more."""


def message(*objects: Any) -> bytes:
    """Return objects as messages of a stream, one each."""
    lines = (json.dumps(found, separators=(",", ":")) for found in objects)
    return "".join(f"data: {line}\n\n" for line in lines).encode()


class EventStream(Response):
    """Sends chunks as they come; when the client goes away, their generator is closed at once."""

    media_type = "text/event-stream"

    def __init__(self, chunks: AsyncGenerator[bytes, None]) -> None:
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._chunks = chunks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send everything, unless the client goes away before."""
        with contextlib.suppress(ClientGoneError, OSError):
            async with contextlib.aclosing(self._chunks):
                await unless_gone(receive, self._send(send))

    async def _send(self, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        async for chunk in self._chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def unless_gone(receive: Receive, work: Awaitable[T]) -> T:
    """Return what some work comes to; stop it when the client goes away.

    The body of the request must have been read. Raises ``ClientGoneError``.
    """
    working = asyncio.ensure_future(work)
    watching = asyncio.ensure_future(_disconnected(receive))
    tasks: Iterable[asyncio.Future[Any]] = (working, watching)
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientGoneError
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
