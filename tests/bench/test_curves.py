from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")

CURVES = Path(__file__).parents[2] / "bench" / "curves.py"


def test_a_log_becomes_a_picture(tmp_path: Path) -> None:
    rows = [{"step": step, "loss": 4 / step, "norm": 1.0} for step in range(1, 40)]
    for row in rows[9::10]:
        row |= {"held-out files": 2.0, "held-out edits": 1.0}
    log = tmp_path / "log.jsonl"
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    pictures = [tmp_path / "a.svg", tmp_path / "b.svg"]
    for picture in pictures:
        subprocess.run([sys.executable, CURVES, log, "--output", picture], check=True)
    drawn = pictures[0].read_text()
    assert "<svg" in drawn
    assert drawn.count("<!-- held-out") == 2
    assert drawn == pictures[1].read_text()
