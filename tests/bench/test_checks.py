from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "bench" / "checks.py"


def test_both_sides_judge_the_same_states(tmp_path: Path) -> None:
    """The script itself compares their findings; how fast they are is no matter here."""
    output = tmp_path / "results" / "checks.json"
    command = [sys.executable, str(SCRIPT), "--programs", "2", "--lines", "60"]
    done = subprocess.run(
        [*command, "--output", str(output)], capture_output=True, text=True, check=True
    )
    result = json.loads(output.read_text(encoding="utf-8"))
    assert json.loads(done.stdout) == result
    assert result["lines of a program"] > 50
    for check in ("syntax", "names"):
        kinds = result[check]
        assert set(kinds) == {
            *("accepted", "refused: a name is not bound", "refused: it does not parse")
        }
        for kind in kinds.values():
            assert 1 <= kind["states"] <= kinds["accepted"]["states"]
            assert kind["ratio"] > 0
