"""The bundled model, as a user meets it: on every backend that is installed."""

from __future__ import annotations

import importlib.util
import io
import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ondevice
from ondevice.backends import Backend, open_backend
from ondevice.catalogue import Manifest, bundled_models, find_damage
from ondevice.edits import LINTSEQ, Buffer
from ondevice.sandbox import Job, Output, Sandbox

TASKS = Path(__file__).parent.parent / "bench" / "everyday"
FIZZBUZZ = "".join(f"{'Fizz' * (n % 3 == 0) + 'Buzz' * (n % 5 == 0) or n}\n" for n in range(1, 101))
BACKENDS = [
    "onnx",
    pytest.param(
        "llama_cpp",
        marks=pytest.mark.skipif(
            importlib.util.find_spec("llama_cpp") is None, reason="llama-cpp-python is an extra"
        ),
    ),
]


@pytest.fixture(scope="module", params=BACKENDS)
def model(request: pytest.FixtureRequest) -> Iterator[ondevice.Model]:
    with ondevice.load(backend=request.param) as loaded:
        yield loaded


@pytest.mark.parametrize("seed", range(6))
def test_it_writes_fizzbuzz(model: ondevice.Model, seed: int) -> None:
    result = model.generate("write fizzbuzz", seed=seed)
    assert result.finish_reason == "complete"
    with Sandbox() as sandbox:
        verdict = sandbox.judge_one(Job(result.text, Output((("", FIZZBUZZ),))))
    assert verdict.passed, result.text


def test_every_hunk_applies_at_a_temperature_that_invites_errors(model: ondevice.Model) -> None:
    for seed in range(10):
        events = model.stream(
            "a class for a bank account", seed=seed, temperature=1.5, check="none", max_tokens=200
        )
        assert not [event for event in events if event.type == "edit_rejected"]


def test_its_files_are_as_recorded() -> None:
    folder = bundled_models()["tiny"]
    manifest = Manifest.read(folder)
    assert not find_damage(folder, manifest)
    assert {file.backend for file in manifest.files} == {"onnx", "llama_cpp", None}
    assert sum(file.bytes for file in manifest.files) < 30_000_000


def test_json_events_replay_to_the_same_program_as_text() -> None:
    command = [sys.executable, "-m", "ondevice.cli", "generate", "write fizzbuzz", "--seed", "3"]
    runs = [
        subprocess.run([*command, "--format", name], capture_output=True, text=True, check=True)
        for name in ("json", "text")
    ]
    events = [json.loads(line) for line in io.StringIO(runs[0].stdout)]
    lines: list[str] = []
    buffer = Buffer()
    for event in events:
        if event["type"] == "hunk_applied":
            lines[event["row"] : event["row"] + len(event["removed"])] = event["added"]
        elif event["type"] == "edit_rejected":
            lines = list(buffer.lines)
        elif event["type"] == "edit_accepted":
            LINTSEQ.read(event["diff"], buffer)
            assert tuple(lines) == buffer.lines
    assert events[-1]["type"] == "done"
    assert buffer.text == events[-1]["text"] == runs[1].stdout


def test_both_tokenizers_agree_on_all_tasks() -> None:
    pytest.importorskip("llama_cpp")
    folder = bundled_models()["tiny"]

    def backend(name: str) -> Backend:
        return open_backend(folder, backend=name)

    rows = [json.loads(line) for file in TASKS.glob("*.jsonl") for line in file.open("rb")]
    with backend("onnx") as onnx, backend("llama_cpp") as llama_cpp:
        for text in itertools.chain.from_iterable(
            (*row["instructions"], *row["programs"]) for row in rows
        ):
            written = "\n+".join(text.splitlines())
            assert onnx.tokenize(text) == llama_cpp.tokenize(text), text
            assert onnx.tokenize(written) == llama_cpp.tokenize(written), written
