"""What cannot be carried out is told so: never silence, and never the server's own fault."""

from __future__ import annotations

import json
import socket
from typing import Any

import httpx
import pytest

from tests.serving.running import PROGRAM, Running, running, scripted

COMPLETIONS, CHAT, EDITS = "/v1/completions", "/v1/chat/completions", "/v1/edits"
SAY = [{"role": "user", "content": "write"}]
JSON = {"content-type": "application/json"}

BODIES: list[tuple[str, Any, str]] = [
    (COMPLETIONS, {}, "prompt"),
    (COMPLETIONS, {"prompt": 7}, "prompt"),
    (COMPLETIONS, {"prompt": [1, 2, 3]}, "prompt"),
    (COMPLETIONS, {"prompt": ["one", "two"]}, "prompt"),
    (COMPLETIONS, {"prompt": "  "}, "empty"),
    (COMPLETIONS, {"prompt": "a <|diff|> b"}, "<|diff|>"),
    (COMPLETIONS, {"prompt": "long " * 2000}, "context"),
    (COMPLETIONS, {"prompt": "write", "max_tokens": 0}, "max_tokens"),
    (COMPLETIONS, {"prompt": "write", "max_tokens": "many"}, "max_tokens"),
    (COMPLETIONS, {"prompt": "write", "n": 1.5}, "n must be"),
    (COMPLETIONS, {"prompt": "write", "n": 10**6}, "n must be"),
    (COMPLETIONS, {"prompt": "write", "temperature": -1}, "temperature"),
    (COMPLETIONS, {"prompt": "write", "temperature": True}, "temperature"),
    (COMPLETIONS, {"prompt": "write", "temperature": 10**400}, "temperature"),
    (COMPLETIONS, {"prompt": "write", "top_p": 2}, "top_p"),
    (COMPLETIONS, {"prompt": "write", "seed": -3}, "seed"),
    (COMPLETIONS, {"prompt": "write", "stop": ["a", 2]}, "stop"),
    (COMPLETIONS, {"prompt": "write", "stop": list("abcde")}, "stop"),
    (COMPLETIONS, {"prompt": "write", "logit_bias": {"50": -100}}, "logit_bias"),
    (COMPLETIONS, {"prompt": "write", "logprobs": 3}, "logprobs"),
    (COMPLETIONS, {"prompt": "write", "echo": True}, "echo"),
    (COMPLETIONS, {"prompt": "write", "best_of": 4}, "best_of"),
    (COMPLETIONS, {"prompt": "write", "stream": "yes"}, "stream"),
    (COMPLETIONS, {"prompt": "write", "stream_options": {"more": True}}, "stream_options.more"),
    (COMPLETIONS, {"prompt": "write", "temprature": 1}, "temprature"),
    (COMPLETIONS, {"prompt": "write", "ondevice": {"check": "pylint"}}, "ondevice.check"),
    (COMPLETIONS, {"prompt": "write", "ondevice": {"tests": "assert 1"}}, "ondevice.tests"),
    (CHAT, {}, "messages"),
    (CHAT, {"messages": []}, "messages"),
    (CHAT, {"messages": "write"}, "messages"),
    (CHAT, {"messages": ["write"]}, "messages[0]"),
    (CHAT, {"messages": [{"role": "wizard", "content": "write"}]}, "messages[0].role"),
    (CHAT, {"messages": [{"role": "user"}]}, "messages[0].content"),
    (CHAT, {"messages": [*SAY, {"role": "assistant", "content": "x"}]}, "messages"),
    (CHAT, {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "content"),
    (CHAT, {"messages": SAY, "tools": [{"type": "function"}]}, "tools"),
    (CHAT, {"messages": SAY, "response_format": {"type": "json_object"}}, "response_format"),
    (EDITS, {"prompt": None}, "prompt"),
    (EDITS, {"prompt": "write", "samples": 0}, "samples"),
    (EDITS, {"prompt": "write", "lengths": "short"}, "lengths"),
    (EDITS, {"prompt": "write \ud800"}, "Unicode"),
    (EDITS, {"prompt": "write", "source": 5}, "source"),
    (EDITS, {"prompt": "write", "max_seconds": 10**9}, "max_seconds"),
]
TEXTS = [
    (b"", "JSON"),
    (b"{", "JSON"),
    (b"\xff\xfe", "JSON"),
    (b"[1]", "object"),
    (b"null", "object"),
    (b'{"prompt": "write", "temperature": NaN}', "NaN"),
    (b'{"prompt": "write", "seed": ' + b"9" * 5000 + b"}", "JSON"),
    (b"[" * 100_000, "nested"),
]


def reason(response: httpx.Response, status: int = 400) -> str:
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert error["type"] == {
        401: "authentication_error",
        403: "permission_error",
        429: "rate_limit_error",
    }.get(status, "invalid_request_error")
    assert set(error) == {"message", "type", "param", "code"}
    return str(error["message"])


@pytest.mark.parametrize(("path", "body", "why"), BODIES)
@pytest.mark.parametrize("stream", [False, True])
def test_a_bad_field_is_named(
    server: Running, path: str, body: Any, why: str, stream: bool
) -> None:
    if stream and path != EDITS:
        body = {"stream": True, **body}
    text = json.dumps(body).encode()
    assert why in reason(server.client.post(path, content=text, headers=JSON))


@pytest.mark.parametrize("path", [COMPLETIONS, CHAT, EDITS])
@pytest.mark.parametrize(("text", "why"), TEXTS)
def test_what_is_no_json_object(server: Running, path: str, text: bytes, why: str) -> None:
    assert why in reason(server.client.post(path, content=text, headers=JSON))


@pytest.mark.parametrize(
    "neutral",
    [
        {"frequency_penalty": 0, "presence_penalty": 0.0, "logit_bias": {}, "user": "me"},
        {"n": 1, "best_of": 1, "echo": False, "logprobs": None, "suffix": None},
        {"temperature": 0, "top_p": 1, "max_tokens": 90.0, "seed": 2**40, "stop": None},
    ],
)
def test_what_asks_for_nothing_is_allowed(server: Running, neutral: dict[str, Any]) -> None:
    response = server.post(COMPLETIONS, {"prompt": "write", **neutral})
    assert response.json()["choices"][0]["text"] == PROGRAM


def test_other_kinds_of_content(server: Running) -> None:
    form = server.client.post(COMPLETIONS, data={"prompt": "write"})
    assert "application/json" in reason(form, 415)
    plain = {"content-type": "text/plain"}
    text = server.client.post(EDITS, content=b'{"prompt": "write"}', headers=plain)
    assert "application/json" in reason(text, 415)


def test_other_addresses_and_methods(server: Running) -> None:
    assert "/v1/embeddings" in reason(server.post("/v1/embeddings", {}), 404)
    assert "GET" in reason(server.client.get(COMPLETIONS), 405)
    assert "nothing" in reason(server.client.get("/page/../../pyproject.toml"), 404)
    assert "nothing" in reason(server.client.get("/%2e%2e/%2e%2e/etc/passwd"), 404)


def test_another_model(server: Running) -> None:
    response = server.post(COMPLETIONS, {"prompt": "write", "model": "gpt-4o"})
    assert "'scripted'" in reason(response, 404)


def test_a_large_body() -> None:
    with running(scripted, max_body=1000) as server:
        text = b'{"prompt": "' + b"x" * 2000 + b'"}'
        assert "1000 bytes" in reason(server.client.post(EDITS, content=text, headers=JSON), 413)
        parts = (b"x" * 600 for _ in range(10))  # nobody says in advance how much it is
        response = server.client.post(EDITS, content=parts, headers=JSON)
        assert "1000 bytes" in reason(response, 413)
        assert server.edits(prompt="write")[-1]["text"] == PROGRAM


def test_a_body_that_does_not_arrive(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ondevice.serving.body.SECONDS", 0.2)
    head = b"POST /v1/edits HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", server.client.base_url.port or 0), 10) as plain:
        plain.sendall(head + b"Content-Length: 100\r\n\r\n{")
        assert plain.recv(100).startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize(
    "text",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST /v1/edits HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 100_000,
    ],
)
def test_what_is_no_http(server: Running, text: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.client.base_url.port or 0), 10) as plain:
        plain.sendall(text)
        assert plain.recv(100).startswith(b"HTTP/1.1 4")
    assert server.client.get("/health").status_code == 200
