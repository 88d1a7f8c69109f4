"""The engine's comparisons run on a task or two, and count what they should."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("llama_cpp")
pytest.importorskip("torch")
pytest.importorskip("transformers")

SCRIPT = Path(__file__).parents[2] / "bench" / "engine.py"


def run(part: str, output: Path, *options: str) -> dict[str, Any]:
    command = [sys.executable, str(SCRIPT), "--parts", part, "--output", str(output), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(output.read_text())[part]
    assert found["machine"]["ondevice"]
    return found


def test_many(tmp_path: Path) -> None:
    found = run("many", tmp_path / "out.json", "--tasks", "2")
    assert found["tasks"] == 2
    for backend in ("llama_cpp", "onnx"):
        assert found[backend]["one batch, seconds a token"] > 0
        assert 0 < found[backend]["one batch, share of the time of single runs"] < 10


def test_policies(tmp_path: Path) -> None:
    found = run("policies", tmp_path / "out.json", "--problems", "4", "--temperatures", "0")
    assert found["problems"] == 4
    sides = found["temperature 0.0"]
    assert {"header decides", "header decides, no check", "lines decide"} <= sides.keys()
    for side in sides.values():
        assert 0 <= side["pass@1"] <= 1
        assert side["tokens a passing program"] > 10
