"""What each address answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.decoding.helpers import FIRST
from tests.serving.running import PROGRAM, Running, endless, messages, running


def test_health_tells_of_the_model(server: Running) -> None:
    found = server.client.get("/health").json()
    assert found.pop("status") == "ok"
    assert found == {"model": "scripted", "loaded": True, "running": 0, "waiting": 0}


def test_the_models(server: Running) -> None:
    (model,) = server.client.get("/v1/models").json()["data"]
    assert model["id"] == "scripted"
    assert server.client.get("/v1/models/scripted").json() == model
    missing = server.client.get("/v1/models/other")
    assert missing.status_code == 404
    assert missing.json()["error"]["code"] == "model_not_found"


def test_edits_are_the_events_of_the_command_line(server: Running) -> None:
    events = server.edits(prompt="write", model="scripted")
    assert {event["type"] for event in events} == {
        *("token", "line", "hunk_applied", "edit_accepted", "done")
    }
    diffs = [event["diff"] for event in events if event["type"] == "edit_accepted"]
    assert diffs[0] + "\n<|diff|>" == FIRST
    assert events[-1]["text"] == PROGRAM


def test_samples_come_with_their_numbers(server: Running) -> None:
    events = server.edits(prompt="write", samples=3)
    finished = [event for event in events if event["type"] == "sample_finished"]
    assert sorted(event["sample"] for event in finished) == [0, 1, 2]
    assert events[-1]["type"] == "done"


def test_a_completion_is_the_program(server: Running) -> None:
    found = server.post("/v1/completions", {"prompt": ["write"], "stop": ["b", "d ="]}).json()
    (choice,) = found["choices"]
    assert choice["text"] == PROGRAM.partition("b")[0]
    assert choice["finish_reason"] == "stop"
    usage = found["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["completion_tokens"] == choice["ondevice"]["stats"]["tokens"]


def test_an_unfinished_program_is_cut_off_at_an_edit(server: Running) -> None:
    found = server.post("/v1/completions", {"prompt": "write", "max_tokens": 45}).json()
    (choice,) = found["choices"]
    assert choice["text"] == "a = 1\nb = 2\n"
    assert choice["finish_reason"] == choice["ondevice"]["finish_reason"] == "length"


def test_the_program_so_far_is_the_assistants_last_message(server: Running) -> None:
    conversation = [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": "write"},
        {"role": "assistant", "content": "Here:\n```python\nz = 0\n```\n"},
        {"role": "user", "content": [{"type": "text", "text": "more"}]},
    ]
    body = {"messages": conversation, "max_tokens": 1}
    found = server.post("/v1/chat/completions", body).json()
    assert found["choices"][0]["message"] == {"role": "assistant", "content": "z = 0"}


def chunks(server: Running, path: str, **body: Any) -> list[dict[str, Any]]:
    *found, last = messages(server.post(path, {"stream": True, **body}))
    assert last == "[DONE]"
    return [json.loads(data) for data in found]


def test_a_stream_of_a_chat(server: Running) -> None:
    say = [{"role": "user", "content": "write"}]
    usage = {"include_usage": True}
    path = "/v1/chat/completions"
    found = chunks(server, path, messages=say, n=2, stream_options=usage)
    assert {chunk["object"] for chunk in found} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in found}) == 1
    *told, last = found
    assert last["choices"] == []
    assert last["usage"]["completion_tokens"] > 0
    for index in range(2):
        deltas = [c["delta"] for chunk in told for c in chunk["choices"] if c["index"] == index]
        assert deltas == [{"role": "assistant", "content": ""}, {"content": PROGRAM}, {}]


def test_a_stream_with_its_edits(server: Running) -> None:
    found = chunks(
        server, "/v1/completions", prompt="write", stream_options={"include_edits": True}
    )
    events = [chunk["ondevice"] for chunk in found if "ondevice" in chunk]
    assert [event["type"] for event in events].count("edit_accepted") == 2
    (text,) = [choice["text"] for chunk in found for choice in chunk["choices"]]
    assert text == events[-1]["text"] == PROGRAM


def test_metrics_count(server: Running) -> None:
    def counted() -> dict[str, float]:
        response = server.client.get("/metrics")
        assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
        lines = [line for line in response.text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    before = counted()
    stats = server.edits(prompt="write")[-1]["stats"]
    server.client.get("/nowhere")
    after = counted()
    for name, more in {
        'ondevice_requests_total{path="/v1/edits",status="200"}': 1,
        'ondevice_requests_total{path="other",status="404"}': 1,
        'ondevice_edits_total{what="accepted"}': 2,
        "ondevice_tokens_total": stats["tokens"],
        "ondevice_request_seconds_count": 1,
        "ondevice_first_hunk_seconds_count": 1,
    }.items():
        assert after[name] - before.get(name, 0) == more, name
    assert after["ondevice_model_loaded"] == 1


@pytest.mark.parametrize("path", ["/", "/page.css", "/page.js", "/pane.js"])
def test_the_page_is_nothing_for_other_pages(server: Running, path: str) -> None:
    response = server.client.get(path)
    assert response.status_code == 200
    assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
    assert response.headers["x-content-type-options"] == "nosniff"


def test_time_is_limited() -> None:
    with running(endless, max_seconds=0.2) as server:
        assert server.edits(prompt="write")[-1]["finish_reason"] == "time"
        longer = server.post("/v1/edits", {"prompt": "write", "max_seconds": 5})
        assert longer.status_code == 400
