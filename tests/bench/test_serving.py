"""The server's measurements run for a moment, and count what they should."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "bench" / "serving.py"


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are counted in /proc")
def test_all_parts(tmp_path: Path) -> None:
    short = ("--clients", "3", "--seconds", "2", "--single", "1", "--hangups", "12")
    few = ("--requests", "4", "--cold", "2", "--tries", "2", "--backend", "onnx")
    output = tmp_path / "out.json"
    command = [sys.executable, str(SCRIPT), "--output", str(output), *short, *few]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(output.read_text())
    load = found["load, onnx"]
    assert set(load["3 clients"]["requests by status"]) == {"200"}
    assert load["tokens a second, times one client's"] > 0
    assert found["hangups, onnx"]["clients"] == 12
    hunk = found["first_hunk, onnx"]
    for side in ("the model itself", "warm server", "new process of ondevice generate"):
        assert hunk[side]["seconds, median"] > 0
