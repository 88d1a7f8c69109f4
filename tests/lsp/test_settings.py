from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ondevice.lsp.settings import CompletionSettings, Settings


def test_every_option_is_read() -> None:
    options = {
        "model": "m.gguf",
        "backend": "llama_cpp",
        "check": ["names", "ruff"],
        "seed": 3,
        "temperature": 0.5,
        "maxTokens": 5,
        "maxSeconds": 7,
        "retries": 0,
        "completion": {
            "mode": "plain",
            "maxTokens": 6,
            "maxSeconds": 0.5,
            "retries": 1,
            "prompt": "go on",
        },
    }
    completion = CompletionSettings("plain", 6, 0.5, 1, "go on")
    settings = Settings("m.gguf", "llama_cpp", ("names", "ruff"), 3, 0.5, 5, 7.0, 0, completion)
    assert Settings().updated(options) == (settings, [])
    assert len(options) == len(dataclasses.fields(Settings))


@pytest.mark.parametrize("options", [None, {}, {"completion": {}}, {"completion": None}])
def test_without_options_all_is_as_it_was(options: Any) -> None:
    settings = Settings(model="m", completion=CompletionSettings(prompt="p"))
    assert settings.updated(options) == (settings, [])


@pytest.mark.parametrize(
    ("options", "where"),
    [
        (7, "initializationOptions"),
        ({"model": 7}, "model"),
        ({"model": ""}, "model"),
        ({"check": [7]}, "check"),
        ({"seed": -1}, "seed"),
        ({"seed": True}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"maxTokens": 0}, "maxTokens"),
        ({"maxSeconds": 0}, "maxSeconds"),
        ({"completion": 7}, "completion"),
        ({"completion": {"mode": "loud"}}, "completion.mode"),
        ({"completion": {"seed": 1}}, "completion.seed"),
    ],
)
def test_what_cannot_be_used_is_left_out_and_told(options: Any, where: str) -> None:
    settings, (complaint,) = Settings().updated(options)
    assert settings == Settings()
    assert complaint.startswith(f"{where}: ")


def test_the_rest_is_used() -> None:
    settings, wrong = Settings().updated({"maxTokens": 9, "colour": "red"})
    assert settings.max_tokens == 9
    assert wrong[0].startswith("colour: there is no such option")
