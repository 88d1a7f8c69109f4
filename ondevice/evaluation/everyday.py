"""The suite of everyday tasks: what training held out, in wording or altogether."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ondevice.errors import DataError
from ondevice.evaluation.judge import Verdict, judge_function, judge_script

PARTS = {
    "wordings": "held_out_wordings",
    "tasks": "held_out_tasks",
}
"""What can be scored: instructions held out of tasks that were trained on, or tasks of which
nothing was trained on."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One instruction, with what judges the answer to it."""

    id: str
    instruction: str
    tests: tuple[str, ...]
    stdin: str
    stdout: str | None

    def judge(self, program: str) -> Verdict:
        """Run a program against this problem."""
        if self.stdout is None:
            return judge_function(program, list(self.tests))
        return judge_script(program, self.stdin, self.stdout)


def read_everyday(folder: Path, part: str) -> list[Problem]:
    """Read one part of the suite from the folder of its task files.

    Raises ``DataError`` for a part that does not exist, and for files that cannot be read.
    """
    if part not in PARTS:
        raise DataError(f"the everyday suite has no part {part!r}; it has {', '.join(PARTS)}")
    try:
        chosen = json.loads((folder / "split.json").read_text(encoding="utf-8"))[PARTS[part]]
        rows = [
            json.loads(line)
            for file in sorted(folder.glob("*.jsonl"))
            for line in file.read_text(encoding="utf-8").split("\n")
            if line
        ]
        wordings = [(row, chosen.get(row["id"])) for row in rows]
        problems = [_problem(row, wording) for row, wording in wordings if wording is not None]
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise DataError(f"cannot read the everyday suite in {folder}: {reason}") from error
    if not problems:
        raise DataError(f"the everyday suite in {folder} has no problems in its part {part!r}")
    return problems


def _problem(row: dict[str, Any], wording: int) -> Problem:
    return Problem(
        row["id"],
        row["instructions"][wording],
        tuple(row["tests"]),
        row.get("stdin", ""),
        row.get("stdout") if row["kind"] == "script" else None,
    )
