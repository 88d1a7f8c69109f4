"""OpenAI's own client gets what the command line gets."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest

from ondevice.cli.app import main
from tests.serving.running import Running

CASES = [("write fizzbuzz", 0, 0.0), ("write factorial(n)", 3, 1.0), ("a stack class", 7, 1.2)]


@pytest.fixture(scope="module")
def client(bundled: Running) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{bundled.url}/v1", api_key="none", max_retries=0) as found:
        yield found


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> tuple[str, int, float]:
    found: tuple[str, int, float] = request.param
    return found


def on_the_command_line(
    capsys: pytest.CaptureFixture[str], case: tuple[str, int, float], *more: str
) -> str:
    prompt, seed, temperature = case
    chosen = ("--seed", str(seed), "--temperature", str(temperature), "--threads", "1")
    main(["generate", prompt, "--format", "text", *chosen, *more])
    return capsys.readouterr().out


def test_completions(
    client: openai.OpenAI, case: tuple[str, int, float], capsys: pytest.CaptureFixture[str]
) -> None:
    prompt, seed, temperature = case
    options = {"model": "tiny", "prompt": prompt, "seed": seed, "temperature": temperature}
    found = client.completions.create(**options)  # type: ignore[call-overload]
    text = found.choices[0].text
    assert text
    assert text == on_the_command_line(capsys, case)
    streamed = client.completions.create(**options, stream=True)  # type: ignore[call-overload]
    assert "".join(chunk.choices[0].text for chunk in streamed) == text


def test_chats(
    client: openai.OpenAI, case: tuple[str, int, float], capsys: pytest.CaptureFixture[str]
) -> None:
    prompt, seed, temperature = case
    found = client.chat.completions.create(
        model="tiny",
        messages=[{"role": "user", "content": prompt}],
        seed=seed,
        temperature=temperature,
    )
    text = found.choices[0].message.content
    assert text == on_the_command_line(capsys, case)
    assert found.usage
    assert found.choices[0].finish_reason in ("stop", "length")
    streamed = client.chat.completions.create(
        model="tiny",
        messages=[{"role": "user", "content": prompt}],
        seed=seed,
        temperature=temperature,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(streamed)
    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(pieces) == text
    assert chunks[-1].usage == found.usage


def test_samples(client: openai.OpenAI, capsys: pytest.CaptureFixture[str]) -> None:
    found = client.completions.create(model="tiny", prompt="write fizzbuzz", n=3, seed=5)
    best = on_the_command_line(capsys, ("write fizzbuzz", 5, 1.0), "--samples", "3")
    assert [choice.index for choice in found.choices] == [0, 1, 2]
    assert best in [choice.text for choice in found.choices]


def test_edits_beside_the_text(client: openai.OpenAI) -> None:
    streamed = client.chat.completions.create(
        model="tiny",
        messages=[{"role": "user", "content": "write fizzbuzz"}],
        stream=True,
        stream_options={"include_edits": True},  # type: ignore[typeddict-unknown-key]
        extra_body={"ondevice": {"check": "syntax", "top_k": 40}},
    )
    events = [(chunk.model_extra or {}).get("ondevice") for chunk in streamed]
    assert [event["type"] for event in events if event].count("done") == 1


def test_what_the_client_raises(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["tiny"]
    with pytest.raises(openai.NotFoundError, match="tiny"):
        client.completions.create(model="gpt-4o", prompt="write fizzbuzz")
    with pytest.raises(openai.BadRequestError, match="logit_bias") as error:
        client.completions.create(model="tiny", prompt="write", logit_bias={"50": 1})
    assert error.value.param == "logit_bias"
    with pytest.raises(openai.BadRequestError, match="empty"):
        client.completions.create(model="tiny", prompt=" ", stream=True)
