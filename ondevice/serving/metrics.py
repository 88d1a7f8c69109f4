"""Counts and times, for Prometheus."""

from __future__ import annotations

import importlib.metadata
from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.process_collector import ProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ondevice.events import (
    Done,
    EditAccepted,
    EditRejected,
    EditWithdrawn,
    Event,
    HunkApplied,
)

if TYPE_CHECKING:
    from ondevice.serving.decoder import Decoder

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_TOLD = {
    HunkApplied: "hunk applied",
    EditAccepted: "accepted",
    EditRejected: "rejected",
    EditWithdrawn: "withdrawn",
}


class Counting:
    """ASGI middleware that counts requests by path and status; unknown paths are one."""

    def __init__(self, app: ASGIApp, metrics: Metrics, paths: frozenset[str]) -> None:
        self._app = app
        self._metrics = metrics
        self._paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, and count it."""

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                path = scope["path"] if scope["path"] in self._paths else "other"
                self._metrics.requests.labels(path, str(message["status"])).inc()
            await send(message)

        await self._app(scope, receive, counted)


class Metrics:
    """What one server counts."""

    def __init__(self, decoder: Decoder) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.requests = Counter(
            "ondevice_requests", "Requests answered.", ["path", "status"], registry=registry
        )
        self._edits = Counter(
            "ondevice_edits", "What became of hunks and edits.", ["what"], registry=registry
        )
        self._tokens = Counter(
            "ondevice_tokens",
            "Tokens evaluated after prompts, those taken back among them.",
            registry=registry,
        )
        self._prompt_tokens = Counter(
            "ondevice_prompt_tokens", "Tokens of prompts.", registry=registry
        )
        self._finished = Counter(
            "ondevice_programs", "Programs finished, by why.", ["reason"], registry=registry
        )
        self.left = Counter(
            "ondevice_clients_left", "Clients gone before the end.", registry=registry
        )
        self.seconds = Histogram(
            "ondevice_request_seconds",
            "From a request to the end of its answer, waiting included.",
            registry=registry,
            buckets=_SECONDS,
        )
        self.first_hunk = Histogram(
            "ondevice_first_hunk_seconds",
            "From a request to its first hunk, waiting included.",
            registry=registry,
            buckets=_SECONDS,
        )
        states = {
            "ondevice_running_requests": ("Requests being decoded.", lambda: decoder.running),
            "ondevice_waiting_requests": ("Requests waiting.", lambda: decoder.waiting),
            "ondevice_model_loaded": ("Whether the model is in memory.", lambda: decoder.loaded),
        }
        for name, (text, read) in states.items():
            Gauge(name, text, registry=registry).set_function(read)
        Gauge("ondevice_info", "Version.", ["version"], registry=registry).labels(
            importlib.metadata.version("ondevice")
        ).set(1)

    def count(self, events: list[Event]) -> None:
        """Count what happened in one step of a request."""
        for event in events:
            if told := _TOLD.get(type(event)):
                self._edits.labels(told).inc()
            elif isinstance(event, Done):
                self._tokens.inc(event.stats.tokens)
                self._prompt_tokens.inc(event.stats.prompt_tokens)
                self._finished.labels(event.finish_reason).inc()

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)
