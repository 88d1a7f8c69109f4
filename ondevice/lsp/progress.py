"""Work-done progress: what a client shows of a request under way, and its button to cancel it."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lsprotocol import types
from pygls.exceptions import JsonRpcException

if TYPE_CHECKING:
    from pygls.lsp.server import LanguageServer

_EVERY = 0.1
"""Seconds between two reports, at least."""
_CREATIONS: set[asyncio.Task[None]] = set()
"""Progresses that clients were asked for; the loop itself holds tasks but weakly."""


class Progress:
    """The progress of the present task, which is cancelled when the client says so."""

    def __init__(self, server: LanguageServer, title: str) -> None:
        self._server = server
        self._title = title
        self._token: types.ProgressToken | None = None
        self._message = ""
        self._reported = 0.0
        self._task = asyncio.current_task()
        self._over = False

    def report(self, message: str) -> None:
        """Show where the request is."""
        now, self._message = time.monotonic(), message
        if self._token is not None and now - self._reported >= _EVERY:
            self._reported = now
            value = types.WorkDoneProgressReport(message=message)
            self._server.work_done_progress.report(self._token, value)

    def _begin(self, token: types.ProgressToken) -> None:
        self._token = token
        progress = self._server.work_done_progress
        value = types.WorkDoneProgressBegin(
            title=self._title, cancellable=True, message=self._message or None
        )
        progress.begin(token, value)
        progress.tokens[token].add_done_callback(lambda future: self._cancel(future.cancelled()))

    async def _create(self) -> None:
        """Ask the client for a progress of its own, and begin once it agrees."""
        token = str(uuid.uuid4())
        with contextlib.suppress(JsonRpcException):
            await self._server.work_done_progress.create_async(token)
            if not self._over:
                self._begin(token)

    def _cancel(self, wanted: bool) -> None:
        if wanted and self._task:
            self._task.cancel()

    def _end(self) -> None:
        self._over = True
        if self._token is not None:
            progress = self._server.work_done_progress
            progress.end(self._token, types.WorkDoneProgressEnd())
            progress.tokens.pop(self._token, None)
            self._token = None


@contextlib.contextmanager
def progress(
    server: LanguageServer, title: str, token: types.ProgressToken | None
) -> Iterator[Progress]:
    """Show a progress while the block lasts: by the token of the request, or where it has none, by
    one that is asked for, if the client knows such."""
    shown = Progress(server, title)
    window = server.client_capabilities.window
    if token is not None:
        shown._begin(token)
    elif window and window.work_done_progress:
        # Never cancelled: a client may answer late, and pygls takes no answer that nobody awaits.
        creation = asyncio.create_task(shown._create())
        _CREATIONS.add(creation)
        creation.add_done_callback(_CREATIONS.discard)
    try:
        yield shown
    finally:
        shown._end()
