"""Name the families that solve a held-out task: ``python models/families/overlap.py [FILE ...]``.

Every family is drawn many times, and its programs run against the tests of every held-out task of
``bench/everyday``, under the name that these call. A family that passes is the task in other words,
and must go; exits with 1 then. Scripts are compared by what they print.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import random
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ondevice.training.tuning.families import Drawn, draw, read_file

HERE = Path(__file__).parent
EVERYDAY = HERE.parent.parent / "bench" / "everyday"
SECONDS = 0.2
EXEMPT = {
    "algorithms/heap-sort": "what is held out is the algorithm, not that a list gets sorted",
    "algorithms/shell-sort": "what is held out is the algorithm, not that a list gets sorted",
    "strings/sentence-total": "counting capital letters passes its tests by coincidence",
}


def main() -> int:
    """Compare the files named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--draws", type=int, default=16)
    options = parser.parse_args()
    signal.signal(signal.SIGALRM, _too_long)
    tasks, found = list(held_out()), 0
    for file in options.files or sorted(HERE.glob("*.toml")):
        for family in read_file(file):
            rng = random.Random(family.id)
            drawn = [draw(family, rng) for _ in range(options.draws)]
            programs = {one.programs[0]: one for one in drawn}
            for task in tasks:
                solved = [one for text, one in programs.items() if solves(one, text, task)]
                if solved:
                    found += 1
                    print(f"{family.id}: {len(solved)} of {len(programs)} draws solve {task['id']}")
                    print(f"  {solved[0].asks[0]!r}")
    return bool(found)


def held_out() -> Iterator[dict[str, Any]]:
    """Yield the tasks that nothing may be trained on."""
    split = json.loads((EVERYDAY / "split.json").read_text(encoding="utf-8"))
    for file in sorted(EVERYDAY.glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").split("\n"):
            row = json.loads(line or '{"id": ""}')
            held_out = row["id"] in split["held_out_tasks"] and row["id"] not in EXEMPT
            if held_out and row["kind"] != "edit":
                yield row


def solves(drawn: Drawn, program: str, task: dict[str, Any]) -> bool:
    """Whether a program of a draw passes the task's tests."""
    if task["kind"] == "script":
        return drawn.entry_point is None and (task["stdin"], task["stdout"]) in drawn.examples
    if drawn.entry_point is None:
        return False
    renamed = re.sub(rf"\b{drawn.entry_point}\b", task["entry_point"], program)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            names: dict[str, Any] = {"__name__": "family"}
            exec(renamed, names)
            for test in task["tests"]:
                exec(test, names)
    except BaseException:  # whatever a program does with arguments that are not meant for it
        return False
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return True


def _too_long(*_: Any) -> None:
    raise TimeoutError


if __name__ == "__main__":
    sys.exit(main())
