"""Damaged and hostile model files end in an error of ours and exit code 3: no crash, no hang, no
more memory than a gigabyte, and before native code has loaded them where that can be told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.damage.child import ROOM, SECONDS

ROOT = Path(__file__).parents[2]
FEWEST = {"gguf": 200, "onnx": 150, "settings": 300}
"""How many cases there are at least, beside those that may be whole after all."""


@pytest.mark.parametrize("kind", FEWEST)
def test_damage_is_an_error(kind: str, tmp_path: Path) -> None:
    pytest.importorskip("llama_cpp")
    outcomes = run_child(kind, tmp_path)
    whole, *rest = outcomes
    assert whole["code"] in (0, 1), f"the whole model does not run: {whole}"
    wrong = [
        o for o in rest if o["code"] != 3 and (o["outcome"] != "either" or o["code"] not in (0, 1))
    ]
    assert not wrong, "\n".join(f"{o['case']}: {o['code']} {o['said']}" for o in wrong)
    assert not [o for o in rest if o["code"] == 3 and not o["said"].startswith("error: ")]
    assert max(o["memory"] for o in rest) < ROOM
    assert max(o["seconds"] for o in rest) < SECONDS
    assert sum(o["outcome"] != "either" for o in rest) >= FEWEST[kind]


def run_child(kind: str, scratch: Path) -> list[dict[str, Any]]:
    found = subprocess.run(
        [sys.executable, "-m", "tests.damage.child", kind, str(scratch)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "GGML_NO_BACKTRACE": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    lines = [json.loads(line) for line in found.stdout.splitlines()]
    assert found.returncode == 0, f"it ended at {lines[-1] if lines else 0}: {found.stderr[-2000:]}"
    return [line for line in lines if "case" in line]
