"""A server that really runs, in a thread, for the time of a test."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray

from ondevice.backends.scripted import ScriptedBackend
from ondevice.model import Model
from ondevice.serving.decoder import Decoder
from ondevice.serving.server import Server
from ondevice.serving.settings import Settings
from tests.decoding.helpers import BOTH, FIRST, SECOND, STOP

PROGRAM = BOTH
SCRIPT = f"{FIRST}{SECOND}{STOP}"


def scripted(sequences: int = 2) -> Model:
    """A model that writes ``PROGRAM``."""
    return Model(ScriptedBackend(SCRIPT, max_sequences=sequences), name="scripted")


def endless(sequences: int = 2, seconds: float = 0.002) -> Model:
    """A model that writes one line, which never ends, and takes its time."""

    def logits(tokens: Sequence[int]) -> NDArray[np.float32]:
        time.sleep(seconds)
        row = np.zeros(258, dtype=np.float32)
        row[ord("x")] = 20
        return row

    backend = ScriptedBackend(logits, max_sequences=sequences, context_length=100_000)
    return Model(backend, name="endless")


class Running:
    """A server under test, and a client of it."""

    def __init__(self, server: Server, decoder: Decoder, client: httpx.Client) -> None:
        self.url = server.url
        self.server = server
        self.decoder = decoder
        self.client = client

    def post(self, path: str, body: Any, **options: Any) -> httpx.Response:
        return self.client.post(path, json=body, **options)

    def edits(self, **body: Any) -> list[dict[str, Any]]:
        """Return all events of a request of ``/v1/edits``."""
        return [json.loads(data) for data in messages(self.post("/v1/edits", body))]

    def settles(self, running: int = 0, waiting: int = 0, seconds: float = 10.0) -> bool:
        """Wait until so many requests are running and waiting."""
        decoder = self.decoder
        return eventually(lambda: (decoder.running, decoder.waiting) == (running, waiting), seconds)


def messages(response: httpx.Response) -> list[str]:
    """Return the data of all server-sent events."""
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/event-stream")
    return [
        line.removeprefix("data: ")
        for line in response.text.splitlines()
        if line.startswith("data")
    ]


def eventually(holds: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Wait until something holds; tell whether it came to that."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


@contextlib.contextmanager
def running(load: Callable[[], Model], **options: Any) -> Iterator[Running]:
    """Serve a model at a free port, and stop in an orderly way at the end."""
    settings = Settings(port=0, **{"grace_seconds": 1.0, **options})
    decoder = Decoder(load, queued=settings.queue, idle_seconds=settings.idle_seconds)
    server = Server(decoder, settings)
    ready = threading.Event()
    thread = threading.Thread(
        target=lambda: server.serve_until_stopped(lambda _: ready.set()), daemon=True
    )
    thread.start()
    assert ready.wait(60)
    assert eventually(lambda: server.started)
    headers = {"Authorization": f"Bearer {settings.token}"} if settings.token else {}
    with httpx.Client(base_url=server.url, headers=headers, timeout=60) as client:
        yield Running(server, decoder, client)
    server.should_exit = True
    thread.join(30)
    assert not thread.is_alive()
    assert not decoder.loaded
