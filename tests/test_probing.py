"""Width and threads are found by trying once, kept, and never in the way."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ondevice.backends.machine import SMALL_MODEL
from ondevice.backends.scripted import ScriptedBackend
from ondevice.decoding import Pool, probe
from ondevice.decoding.probe import best_threads, best_width
from ondevice.model import Model
from ondevice.probing import Probes

TEXT = "@@ -0,0 +1 @@\n+a = 1\n<|diff|>\n<|diff|>"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("ONDEVICE_CACHE", str(folder))
    return folder


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    file = tmp_path / "model.gguf"
    file.write_bytes(b"GGUF")
    return file


class Timed(ScriptedBackend):
    """A backend whose steps are told what they take."""

    threads = 0

    def set_threads(self, threads: int) -> None:
        self.threads = threads


def timed_by(monkeypatch: pytest.MonkeyPatch, seconds: dict[int, float], *, of: str) -> None:
    def step(backend: Timed, sequences: Sequence[int]) -> float:
        return seconds[len(sequences) if of == "width" else backend.threads]

    monkeypatch.setattr(probe, "step_seconds", step)


def test_a_step_is_timed_and_leaves_nothing() -> None:
    backend = ScriptedBackend(TEXT, max_sequences=3)
    assert probe.step_seconds(backend, [0, 2]) > 0
    assert [backend.length(number) for number in range(3)] == [0, 0, 0]


@pytest.mark.parametrize(
    ("seconds", "width"),
    [
        ({1: 1.0, 2: 1.0, 4: 1.0, 6: 1.0}, 6),
        ({1: 1.0, 2: 1.1, 4: 2.0, 6: 4.0}, 4),
        ({1: 1.0, 2: 2.1, 4: 4.3, 6: 6.5}, 6),
        ({1: 1.0, 2: 3.0, 4: 6.0, 6: 9.0}, 1),
    ],
)
def test_the_widest_that_is_not_slow(
    seconds: dict[int, float], width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    timed_by(monkeypatch, seconds, of="width")
    assert best_width(Timed(TEXT, max_sequences=6), list(range(6))) == width


class Crowded(ScriptedBackend):
    """A backend whose rows depend on how many there are, as those of int8 graphs do."""

    def _append(self, rows: list[tuple[int, list[int]]]) -> NDArray[np.float32]:
        return super()._append(rows) + np.float32(len(rows))


def test_rows_that_depend_on_each_other_stay_apart() -> None:
    backend = Crowded(TEXT, max_sequences=3)
    assert Pool(backend).independent_width() == 1
    assert [backend.length(number) for number in range(3)] == [0, 0, 0]


def test_rows_that_do_not_are_evaluated_together(
    cache: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = iter([1.0, 0.5, 0.3, 0.6])
    monkeypatch.setattr(probe, "_timed", lambda step: [next(seconds), step() and 9.0])
    pool = Pool(ScriptedBackend(TEXT, max_sequences=8))
    assert Probes(weights, "llama_cpp").together(pool) == 4
    assert Probes(weights, "llama_cpp").together(pool) == 4
    assert pool.has_room(8)


@pytest.mark.parametrize(
    ("seconds", "threads"),
    [({1: 1.0, 2: 0.9, 4: 0.9}, 1), ({1: 1.0, 2: 0.6, 4: 0.5}, 2), ({1: 1.0, 2: 0.6, 4: 0.3}, 4)],
)
def test_threads_must_be_worth_it(
    seconds: dict[int, float], threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    timed_by(monkeypatch, seconds, of="threads")
    backend = Timed(TEXT)
    assert best_threads(backend, [1, 2, 4]) == backend.threads == threads


def test_a_width_is_found_once(cache: Path, weights: Path) -> None:
    pool = Pool(ScriptedBackend(TEXT, max_sequences=4))
    found = Probes(weights, "llama_cpp").width(pool)
    assert found in (1, 2, 4)
    (entry,) = json.loads((cache / "probes.json").read_text()).values()
    assert entry == {"width of 4": found}
    entry["width of 4"] = 3
    key = next(iter(json.loads((cache / "probes.json").read_text())))
    (cache / "probes.json").write_text(json.dumps({key: entry}))
    assert Probes(weights, "llama_cpp").width(pool) == 3
    weights.write_bytes(b"GGUF and more")
    assert Probes(weights, "llama_cpp").width(pool) in (1, 2, 4)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"x": 1}', '{"x": {"width of 4": "9"}}'])
def test_a_damaged_file_is_written_anew(text: str, cache: Path, weights: Path) -> None:
    cache.mkdir()
    (cache / "probes.json").write_text(text)
    assert Probes(weights, "onnx").width(Pool(ScriptedBackend(TEXT, max_sequences=4)))
    assert json.loads((cache / "probes.json").read_text())


def test_what_cannot_be_kept_is_not_measured(cache: Path, weights: Path) -> None:
    """Another width next time might give another program."""
    cache.write_text("a file where the folder should be")
    backend = ScriptedBackend(TEXT, max_sequences=4)
    assert Probes(weights, "onnx").width(Pool(backend)) is None
    assert not backend.calls


def test_a_large_model_has_its_threads_chosen(
    cache: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with weights.open("r+b") as file:
        file.truncate(SMALL_MODEL)
    monkeypatch.setattr("ondevice.backends.machine.usable_cores", lambda: 4)
    timed_by(monkeypatch, {1: 1.0, 2: 0.5, 3: 0.5, 4: 0.3}, of="threads")
    backend = Timed(TEXT)
    Probes(weights, "onnx").set_threads(backend)
    assert backend.threads == 4
    timed_by(monkeypatch, {}, of="threads")
    again = Timed(TEXT)
    Probes(weights, "onnx").set_threads(again)
    assert again.threads == 4


def test_a_small_model_is_left_alone(cache: Path, weights: Path) -> None:
    backend = Timed(TEXT)
    Probes(weights, "onnx").set_threads(backend)
    assert backend.threads == 0
    assert not cache.exists()


def test_a_model_uses_the_width(
    cache: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    timed_by(monkeypatch, {1: 1.0, 2: 1.5, 4: 9.0}, of="width")

    def noise(tokens: Sequence[int]) -> NDArray[np.float32]:
        return np.random.default_rng(tokens).normal(size=258).astype(np.float32)

    backend = ScriptedBackend(noise, max_sequences=4)
    with Model(backend, name="noise", probes=Probes(weights, "onnx")) as model:
        model.sample("write", 8, max_tokens=20, check="none")
        widest = max(len(call) for call in backend.calls)
        model.sample("write", 8, max_tokens=20, check="none", width=3)
    assert widest == 2
    assert max(len(call) for call in backend.calls) == 3


def test_a_scheduler_knows_all_widths_beforehand(cache: Path, weights: Path) -> None:
    """While sequences are lent, none can be tried."""
    backend = ScriptedBackend(TEXT, max_sequences=4)
    with Model(backend, name="scripted", probes=Probes(weights, "onnx")) as model:
        scheduler = model.scheduler()
        scheduler.add("one", model.stream("write").engine)
        scheduler.add("several", model.stream("write", samples=3).engine)
        while len(scheduler):
            assert not any(turn.error for turn in scheduler.step())


@pytest.mark.parametrize(("mixed", "widest"), [(False, 1), (True, 4)])
def test_requests_mix_only_where_that_is_asked_for(
    cache: Path, weights: Path, monkeypatch: pytest.MonkeyPatch, mixed: bool, widest: int
) -> None:
    timed_by(monkeypatch, {1: 1.0, 2: 1.0, 4: 1.0}, of="width")
    backend = Crowded(TEXT, max_sequences=4)
    with Model(backend, name="crowded", probes=Probes(weights, "onnx")) as model:
        scheduler = model.scheduler(mixed=mixed)
        backend.calls.clear()
        for number in range(4):
            scheduler.add(number, model.stream("write").engine)
        while len(scheduler):
            scheduler.step()
    assert max(map(len, backend.calls)) == widest
