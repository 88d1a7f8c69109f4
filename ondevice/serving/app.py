"""The application: what each address answers."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from ondevice.events import Event, HunkApplied
from ondevice.serving import asking
from ondevice.serving.answers import Answer
from ondevice.serving.asking import Ask
from ondevice.serving.body import read_object
from ondevice.serving.decoder import Decoder
from ondevice.serving.errors import ApiError, api_error
from ondevice.serving.guard import Guard
from ondevice.serving.metrics import CONTENT_TYPE, Counting, Metrics
from ondevice.serving.settings import Settings
from ondevice.serving.streaming import (
    WAITING,
    ClientGoneError,
    EventStream,
    message,
    unless_gone,
)
from ondevice.serving.ticket import Ticket

PAGE = Path(__file__).parent / "page"
_PAGES = {"/": "index.html"} | {
    f"/{name}": name for name in ("page.css", "page.js", "pane.js", "program.js")
}
_CLIENT_CLOSED = 499
"""As nginx logs it; nobody sees this status."""

Read = Callable[[dict[str, Any], Settings], Ask]


def make_app(decoder: Decoder, settings: Settings) -> ASGIApp:
    """Return the ASGI application of a decoder that has been started; it closes it at the end."""
    metrics = Metrics(decoder)
    api = _Api(decoder, settings, metrics)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        decoder.close()

    routes = [
        *(Route(path, _page(name), methods=["GET"]) for path, name in _PAGES.items()),
        Route("/health", api.health, methods=["GET"]),
        Route("/metrics", api.metrics, methods=["GET"]),
        Route("/v1/models", api.models, methods=["GET"]),
        Route("/v1/models/{name:path}", api.model, methods=["GET"]),
        Route("/v1/completions", api.completions, methods=["POST"]),
        Route("/v1/chat/completions", api.chat, methods=["POST"]),
        Route("/v1/edits", api.edits, methods=["POST"]),
    ]
    handlers = {HTTPException: _not_there, ApiError: _refused, Exception: _refused}
    app = Starlette(routes=routes, exception_handlers=handlers, lifespan=lifespan)
    guarded = Guard(app, settings, frozenset({"/health", *_PAGES}))
    return Counting(guarded, metrics, frozenset(route.path for route in routes))


class _Api:
    def __init__(self, decoder: Decoder, settings: Settings, metrics: Metrics) -> None:
        self._decoder = decoder
        self._settings = settings
        self._metrics = metrics
        self._created = int(time.time())

    async def health(self, _: Request) -> Response:
        decoder = self._decoder
        state = {
            "status": "ok",
            "model": decoder.name,
            "loaded": decoder.loaded,
            "running": decoder.running,
            "waiting": decoder.waiting,
        }
        return JSONResponse(state, headers={"cache-control": "no-store"})

    async def metrics(self, _: Request) -> Response:
        return Response(self._metrics.text(), headers={"content-type": CONTENT_TYPE})

    async def models(self, _: Request) -> Response:
        return JSONResponse({"object": "list", "data": [self._described()]})

    async def model(self, request: Request) -> Response:
        self._check_model(request.path_params["name"])
        return JSONResponse(self._described())

    async def completions(self, request: Request) -> Response:
        return await self._complete(request, asking.completion)

    async def chat(self, request: Request) -> Response:
        return await self._complete(request, asking.chat)

    async def edits(self, request: Request) -> Response:
        ticket = await self._submit(request, asking.edits)
        return EventStream(self._edits(ticket))

    async def _complete(self, request: Request, read: Read) -> Response:
        ticket = await self._submit(request, read)
        answer = Answer(ticket.ask, self._decoder.name)
        if ticket.ask.stream:
            return EventStream(self._chunks(ticket, answer))
        try:
            events = await unless_gone(request.receive, self._all(ticket))
        except ClientGoneError:
            return Response(status_code=_CLIENT_CLOSED)
        except Exception as error:
            raise api_error(error) from error
        return JSONResponse(answer.whole(events))

    async def _submit(self, request: Request, read: Read) -> Ticket:
        """Put a request in line, and wait until it is known that it can be carried out."""
        ask = read(await read_object(request, self._settings.max_body), self._settings)
        self._check_model(ask.model)
        ticket = self._decoder.submit(ask)
        try:
            await ticket.accepted()
        except BaseException as error:
            self._decoder.leave(ticket)
            if isinstance(error, Exception):
                raise api_error(error) from error
            raise
        return ticket

    async def _all(self, ticket: Ticket) -> list[Event]:
        async with aclosing(self._events(ticket)) as steps:
            return [event async for events in steps for event in events]

    async def _edits(self, ticket: Ticket) -> AsyncGenerator[bytes, None]:
        try:
            async with aclosing(self._events(ticket)) as steps:
                async for events in steps:
                    yield message(*(event.to_json() for event in events)) or WAITING
        except Exception as error:
            yield message({"type": "error", **api_error(error).to_json()["error"]})

    async def _chunks(self, ticket: Ticket, answer: Answer) -> AsyncGenerator[bytes, None]:
        if opening := answer.opening():
            yield message(*opening)
        everything: list[Event] = []
        try:
            async with aclosing(self._events(ticket)) as steps:
                async for events in steps:
                    everything += events
                    if ticket.ask.include_edits or not events:
                        yield message(*map(answer.edit, events)) or WAITING
        except Exception as error:
            yield message(api_error(error).to_json())
            return
        yield message(*answer.closing(everything)) + b"data: [DONE]\n\n"

    async def _events(self, ticket: Ticket) -> AsyncGenerator[list[Event], None]:
        """Give a request's events, count them, and stop it when they are no longer wanted."""
        started, metrics, hunk, ended = time.perf_counter(), self._metrics, False, False
        try:
            async for events in ticket.steps():
                metrics.count(events)
                if not hunk and any(isinstance(event, HunkApplied) for event in events):
                    hunk = True
                    metrics.first_hunk.observe(time.perf_counter() - started)
                yield events
            ended = True
        finally:
            self._decoder.leave(ticket)
            metrics.seconds.observe(time.perf_counter() - started)
            if not ended:
                metrics.left.inc()

    def _check_model(self, name: str | None) -> None:
        if name not in (None, self._decoder.name):
            raise ApiError(
                404,
                f"there is no model {name!r} here; this server has {self._decoder.name!r}",
                param="model",
                code="model_not_found",
            )

    def _described(self) -> dict[str, Any]:
        return {
            "id": self._decoder.name,
            "object": "model",
            "created": self._created,
            "owned_by": "ondevice",
        }


def _page(name: str) -> Callable[[Request], Any]:
    async def page(_: Request) -> Response:
        return FileResponse(PAGE / name, headers={"cache-control": "no-cache"})

    return page


async def _not_there(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    told = {404: f"there is nothing at {request.url.path}", 405: f"not by {request.method}"}
    text = told.get(error.status_code, str(error.detail))
    return ApiError(error.status_code, text, headers=error.headers).response()


async def _refused(_: Request, error: Exception) -> Response:
    return api_error(error).response()
