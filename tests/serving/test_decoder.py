"""Many requests and one model: the queue, clients that leave, and an orderly end."""

from __future__ import annotations

import contextlib
import json
import random
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from ondevice.backends.scripted import ScriptedBackend
from ondevice.errors import ModelNotFoundError
from ondevice.model import Model
from tests.serving.running import (
    PROGRAM,
    SCRIPT,
    Running,
    endless,
    eventually,
    running,
    scripted,
)

BODY = {"prompt": "write", "max_tokens": 30_000}


@contextlib.contextmanager
def streaming(server: Running) -> Iterator[Iterator[str]]:
    """A client of its own that reads edits, until it leaves."""
    with (
        httpx.Client(base_url=server.url, timeout=30) as client,
        client.stream("POST", "/v1/edits", json=BODY) as response,
    ):
        lines = response.iter_lines()
        next(lines)
        yield lines


CHAT = {"messages": [{"role": "user", "content": "write"}], "max_tokens": 30_000}
PATHS = [
    ("/v1/edits", BODY),
    *(("/v1/completions", {**BODY, "stream": stream}) for stream in (False, True)),
    *(("/v1/chat/completions", {**CHAT, "stream": stream}) for stream in (False, True)),
]


def raw_request(server: Running, path: str = "/v1/edits", found: object = BODY) -> socket.socket:
    """A client that sends a request, and can leave as it likes."""
    body = json.dumps(found).encode()
    plain = socket.create_connection(("127.0.0.1", server.client.base_url.port or 0), 10)
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    plain.sendall(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    return plain


def test_many_clients_each_get_their_program() -> None:
    with running(lambda: scripted(4)) as server, ThreadPoolExecutor(16) as threads:
        events = list(threads.map(lambda _: server.edits(prompt="write"), range(40)))
    assert [found[-1]["text"] for found in events] == [PROGRAM] * 40


def test_a_client_that_leaves_frees_its_sequence() -> None:
    with running(lambda: endless(1)) as server:
        with streaming(server):
            assert server.settles(running=1)
        assert server.settles()
        stats = server.edits(prompt="write", max_tokens=5)[-1]["stats"]
        assert stats["tokens"] == 5


def test_a_client_that_leaves_without_a_stream() -> None:
    with running(lambda: endless(1)) as server:
        plain = raw_request(server, "/v1/completions")
        assert server.settles(running=1)
        plain.close()
        assert server.settles()


def test_a_client_that_leaves_the_queue() -> None:
    with running(lambda: endless(1)) as server, streaming(server):
        waiting = raw_request(server)
        assert server.settles(running=1, waiting=1)
        waiting.close()
        assert server.settles(running=1)


def test_who_waits_hears_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ondevice.serving.ticket.QUIET", 0.05)
    with running(lambda: endless(1)) as server, streaming(server), raw_request(server) as plain:
        heard = b""
        while b": waiting" not in heard:
            heard += plain.recv(1000)
        assert b"data:" not in heard.partition(b"\r\n\r\n")[2]


def test_hang_ups_leave_nothing_running() -> None:
    rng = random.Random(1)
    with running(lambda: endless(4, 0.0005), queue=1000) as server:
        for number in range(100):
            with raw_request(server, *PATHS[number % len(PATHS)]) as plain:
                time.sleep(rng.random() * 0.02)
                if number % len(PATHS) in (0, 4) and rng.random() < 0.5:
                    assert plain.recv(1000).startswith(b"HTTP/1.1 200")
        assert server.settles()
        assert "ondevice_clients_left_total 0" not in server.client.get("/metrics").text
        assert server.client.get("/health").json()["waiting"] == 0
        assert server.edits(prompt="write", max_tokens=5)[-1]["type"] == "done"


def test_a_full_queue_tells_when_to_come_back() -> None:
    with running(lambda: endless(1), queue=1) as server, streaming(server):
        second = raw_request(server)
        assert server.settles(running=1, waiting=1)
        third = server.post("/v1/completions", BODY)
        assert third.status_code == 429
        assert third.json()["error"]["code"] == "queue_full"
        assert 1 <= int(third.headers["retry-after"]) <= 60
        second.close()
        assert server.settles(running=1)


def test_those_that_wait_come_in_order() -> None:
    with running(lambda: endless(1), max_seconds=0.2) as server:
        finished: list[int] = []
        threads = []
        for number in range(4):
            threads.append(
                threading.Thread(
                    target=lambda number=number: (
                        server.edits(prompt="write"),
                        finished.append(number),
                    )
                )
            )
            threads[-1].start()
            assert eventually(lambda n=number: server.decoder.running + server.decoder.waiting > n)
        for thread in threads:
            thread.join()
    assert finished == [0, 1, 2, 3]


def test_shares_are_equal() -> None:
    with running(lambda: endless(4), max_seconds=1.0) as server, ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: server.edits(prompt="write")[-1], range(4)))
    tokens = [done["stats"]["tokens"] for done in found]
    assert max(tokens) <= 2 * min(tokens)


def test_a_slow_reader_holds_up_nobody() -> None:
    with running(lambda: endless(2, 0.0)) as server, raw_request(server) as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        assert server.settles(running=1)
        started = server.edits(prompt="write", max_tokens=200)[-1]["stats"]
        assert started["tokens"] == 200


def test_an_unused_model_is_unloaded_and_loaded_again() -> None:
    loads: list[int] = []

    def load() -> Model:
        loads.append(1)
        return scripted()

    with running(load, idle_seconds=0.3) as server:
        assert server.edits(prompt="write")[-1]["text"] == PROGRAM
        assert eventually(lambda: not server.decoder.loaded)
        assert server.client.get("/health").json()["loaded"] is False
        assert server.edits(prompt="write")[-1]["text"] == PROGRAM
        assert len(loads) == 2
        refused = server.post("/v1/edits", {"prompt": " "})
        assert refused.status_code == 400
        assert server.decoder.loaded


def test_a_model_that_cannot_be_loaded_again_is_told() -> None:
    models = iter([scripted()])

    def load() -> Model:
        if model := next(models, None):
            return model
        raise ModelNotFoundError("the model has been moved")

    with running(load, idle_seconds=0.1) as server:
        assert eventually(lambda: not server.decoder.loaded)
        response = server.post("/v1/completions", {"prompt": "write"})
        assert response.status_code == 500
        assert "moved" in response.json()["error"]["message"]
        assert server.settles()


class Breaking(ScriptedBackend):
    """A backend that fails after some steps, in a way that nobody foresaw."""

    left = 30

    def _append(self, rows: list[tuple[int, list[int]]]) -> object:  # type: ignore[override]
        self.left -= 1
        if self.left == 0:
            raise ZeroDivisionError
        return super()._append(rows)


@pytest.mark.parametrize("path", ["/v1/edits", "/v1/completions"])
def test_a_failure_ends_one_request_alone(path: str) -> None:
    with running(lambda: Model(Breaking(SCRIPT), name="breaking")) as server:
        first = server.post(path, {"prompt": "write", "stream": True} if "com" in path else BODY)
        last = first.text.strip().splitlines()[-1]
        told = json.loads(last.removeprefix("data: "))
        error = told["error"] if "com" in path else told
        assert error["message"] == "the server failed; its output says more"
        assert server.edits(prompt="write")[-1]["text"] == PROGRAM


def test_a_failure_without_a_stream(caplog: pytest.LogCaptureFixture) -> None:
    with running(lambda: Model(Breaking(SCRIPT), name="breaking")) as server:
        first = server.post("/v1/completions", {"prompt": "write"})
        assert first.status_code == 500
        assert first.json()["error"]["type"] == "server_error"
        assert "ZeroDivisionError" in caplog.text
        assert server.post("/v1/completions", {"prompt": "write"}).status_code == 200


def test_running_requests_finish_when_the_server_stops() -> None:
    with running(lambda: endless(1), max_seconds=0.8, grace_seconds=5.0) as server:
        with streaming(server) as lines:
            server.server.should_exit = True
            told = [json.loads(line.removeprefix("data: ")) for line in lines if line]
        assert told[-1]["finish_reason"] == "time"


def test_requests_that_do_not_finish_are_ended() -> None:
    with running(lambda: endless(1), grace_seconds=1.0) as server:
        with streaming(server) as lines, contextlib.suppress(httpx.RemoteProtocolError):
            server.server.should_exit = True
            for _ in lines:
                pass
        assert eventually(lambda: server.decoder.running == 0)
