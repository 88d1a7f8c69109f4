"""``ondevice bench all``: what it takes up, and what it measures anew."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ondevice
from ondevice.cli import main
from ondevice.cli.bench import everything
from ondevice.evaluation import latency
from tests.evaluation.makers import scripted
from tests.evaluation.report.test_report import document

RIGHT = "def double(n):\n    return 2 * n\n"
WRONG = "def double(n):\n    return n\n"

Run = Callable[..., str]


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stands in for minutes of measuring: the model that each call was for."""
    calls: list[str] = []

    def measure(model: str | None, backend: str | None, plan: Any, tell: Any) -> dict[str, Any]:
        calls.append(model or "tiny")
        tell("all", 0, 1)
        return document()["latency"] | {"model": model or "tiny"}

    def differences(stored: dict[str, Any], model: str | None, *rest: Any) -> list[str]:
        wanted = model or "tiny"
        return [] if stored["model"] == wanted else [f"model {stored['model']}, not {wanted}"]

    monkeypatch.setattr(latency, "measure", measure)
    monkeypatch.setattr(latency, "differences", differences)
    return calls


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Measures a model that writes the right program every other time; returns what is said."""
    tasks = tmp_path / "tasks"
    tasks.mkdir()
    names = ("one", "two", "three")
    rows = [
        {
            "id": f"t/{name}",
            "kind": "function",
            "entry_point": "double",
            "instructions": ["no", "write double(n)"],
            "programs": [RIGHT],
            "tests": ["assert double(2) == 4"],
        }
        for name in names
    ]
    (tasks / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    held = {"held_out_wordings": {"t/one": 1, "t/two": 1}, "held_out_tasks": {"t/three": 1}}
    (tasks / "split.json").write_text(json.dumps(held))
    monkeypatch.setattr(ondevice, "load", lambda *a, **o: scripted(RIGHT, WRONG))

    def once(*arguments: str) -> str:
        command = ["bench", "all", str(tmp_path / "report"), "--tasks", str(tasks)]
        assert main([*command, "--quick", *arguments]) == 0
        return capsys.readouterr().err

    return once


def test_everything_is_measured_once(run: Run, measured: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "report"
    first = run()
    assert "measuring anew" not in first
    whole = json.loads((folder / "bench.json").read_text())
    assert [one["suite"] for one in whole["passk"]] == [
        *("everyday-wordings", "everyday-tasks", "everyday-wordings", "everyday-wordings")
    ]
    assert [one["label"] for one in whole["scaling"]] == ["check names", "check none"]
    assert "What more samples buy" in (folder / "index.html").read_text()
    stored = (folder / "samples-check-none.samples.jsonl").read_bytes()
    second = run()
    assert "measured already" in second
    assert "measuring anew" not in second
    assert measured == ["tiny"]
    assert (folder / "samples-check-none.samples.jsonl").read_bytes() == stored
    assert not list(folder.glob("*old*"))


def test_what_is_of_another_amount_or_model_is_kept_and_measured_anew(
    run: Run, measured: list[str], tmp_path: Path
) -> None:
    folder = tmp_path / "report"
    run()
    stored = (folder / "everyday-wordings.samples.jsonl").read_bytes()
    said = run("--limit", "1", "--model", "other")
    assert "latency.json is of model tiny, not other" in said
    assert "remarks [], not ['first 1']" in said
    assert measured == ["tiny", "other"]
    assert (folder / "everyday-wordings.old-1.samples.jsonl").read_bytes() == stored
    assert (folder / "everyday-wordings.old-1.json").exists()
    assert (folder / "latency.old-1.json").exists()
    whole = json.loads((folder / "bench.json").read_text())
    assert whole["model"] == "other"
    assert whole["passk"][0]["figures"]["problems"] == 1


def test_who_stops_it_is_told_that_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(*_: Any) -> dict[str, Any]:
        raise KeyboardInterrupt

    monkeypatch.setattr(everything, "_speeds", stopped)
    assert main(["bench", "all", str(tmp_path / "report")]) == 130
    assert "the same command goes on" in capsys.readouterr().err


@pytest.mark.parametrize("left", ["", "{}", '{"schema": "ondevice-latency/1", "model": "tiny"}'])
def test_what_is_no_measurement_of_speed_is_kept_and_measured_anew(
    measured: list[str], tmp_path: Path, left: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "latency.json"
    path.write_text(left)
    assert everything._speeds(path, None, None)["model"] == "tiny"
    assert "measuring anew" in capsys.readouterr().err
    assert (tmp_path / "latency.old-1.json").read_text() == left
    assert json.loads(path.read_text())["model"] == "tiny"
    assert measured == ["tiny"]
