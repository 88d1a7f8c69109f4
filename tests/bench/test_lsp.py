from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "bench" / "lsp.py"


def test_server_and_model_offer_the_same(tmp_path: Path) -> None:
    """The script itself compares what they offer."""
    output = tmp_path / "results" / "lsp.json"
    command = [sys.executable, str(SCRIPT), "--places", "3", "--output", str(output)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    result = json.loads(output.read_text(encoding="utf-8"))
    assert json.loads(done.stdout) == result
    assert result["places"] == 3
    assert result["offered"] >= result["first line right"] >= result["all lines right"]
    assert result["offered"] >= result["no static error"]
    assert result["server, ms"]["median"] > 0
