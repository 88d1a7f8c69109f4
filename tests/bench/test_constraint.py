from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.checkpoints import PROMPTS, make_checkpoint

SCRIPT = Path(__file__).parents[2] / "bench" / "constraint.py"


def test_hunks_apply_with_the_constraint_and_are_counted_without(tmp_path: Path) -> None:
    for name in ("torch", "transformers", "optimum.exporters.onnx"):
        pytest.importorskip(name)
    from ondevice.export import export_checkpoint

    checkpoint = make_checkpoint(tmp_path / "checkpoint")
    model = tmp_path / "model"
    export_checkpoint(
        checkpoint,
        model,
        name="random",
        license="Apache-2.0",
        source="tests",
        quantize=["fp32"],
        prompts=PROMPTS,
    )
    output = tmp_path / "results" / "constraint.json"
    command = [sys.executable, str(SCRIPT), "--model", str(model), "--generations", "5"]
    done = subprocess.run(
        [*command, "--output", str(output)], capture_output=True, text=True, check=True
    )
    result = json.loads(output.read_text(encoding="utf-8"))
    assert json.loads(done.stdout) == result
    assert result["model"] == "random on onnx"
    refused = "edits refused because a hunk did not apply"
    for side in ("constrained", "free"):
        assert result[side]["generations"] == sum(result[side]["ended by"].values()) == 5
    assert result["constrained"][refused] == 0
    assert result["free"][refused] > 0
