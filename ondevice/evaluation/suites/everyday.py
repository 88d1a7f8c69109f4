"""The everyday tasks of this project: what training held out, and edits of existing programs.

The format is told in ``bench/everyday/README.md``. ``wordings`` are instructions held out of tasks
that were trained on, ``tasks`` those of which nothing was trained on; ``split.json`` says which.
``edits`` are changes to an existing program, ``edits-insert-only`` those that insertions suffice
for. Changes that keep the behavior are left out, since tests cannot tell whether one was made. An
edit is asked for in the words that name the entry point, of several those that the hash of the id
picks.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ondevice.errors import DataError
from ondevice.evaluation.suites.base import Problem, Suite
from ondevice.sandbox import Assertions, Expectation, Output

FOLDER = Path("bench/everyday")
"""Where the tasks lie in the repository."""
PARTS = ("wordings", "tasks", "edits", "edits-insert-only")
_SPLIT = {"wordings": "held_out_wordings", "tasks": "held_out_tasks"}


def read_tasks(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the tasks of all files as they stand there, in the order of files and lines.

    Raises ``OSError`` or ``ValueError`` for what cannot be read.
    """
    for file in sorted(folder.glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").split("\n"):
            if line:
                yield json.loads(line)


def read_everyday(folder: Path, part: str) -> Suite:
    """Read one part of the suite from the folder of its task files.

    Raises ``DataError`` for a part that does not exist, and for files that cannot be read.
    """
    if part not in PARTS:
        raise DataError(f"the everyday suite has no part {part!r}; it has {', '.join(PARTS)}")
    try:
        tasks = list(read_tasks(folder))
        chosen = _chosen_edits(tasks, part) if part.startswith("edits") else _held_out(folder, part)
        wordings = [(task, chosen.get(task["id"])) for task in tasks]
        problems = [_problem(task, wording) for task, wording in wordings if wording is not None]
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise DataError(f"cannot read the everyday suite in {folder}: {reason}") from error
    if not problems:
        raise DataError(f"the everyday suite in {folder} has no problems in its part {part!r}")
    name = part if part.startswith("edits") else f"everyday-{part}"
    return Suite(name, tuple(problems), _digest(problems))


def _held_out(folder: Path, part: str) -> dict[str, int | None]:
    split = json.loads((folder / "split.json").read_text(encoding="utf-8"))
    found: dict[str, int | None] = split[_SPLIT[part]]
    return found


def _chosen_edits(tasks: list[dict[str, Any]], part: str) -> dict[str, int | None]:
    return {
        task["id"]: _wording(task)
        for task in tasks
        if task["kind"] == "edit"
        and not task["keeps_behaviour"]
        and (part == "edits" or task["insert_only"])
    }


def _wording(task: dict[str, Any]) -> int | None:
    """Return the number of an instruction that names the entry point, None if none does."""
    fitting = [
        number for number, text in enumerate(task["instructions"]) if task["entry_point"] in text
    ]
    pick = int.from_bytes(hashlib.sha256(task["id"].encode()).digest()[:8], "big")
    return fitting[pick % len(fitting)] if fitting else None


def _problem(task: dict[str, Any], wording: int) -> Problem:
    expect: Expectation
    if task["kind"] == "script":
        expect = Output(((task["stdin"], task["stdout"]),))
    else:
        expect = Assertions(tuple(task["tests"]))
    return Problem(
        id=task["id"],
        instruction=task["instructions"][wording],
        expect=expect,
        entry_point=task["entry_point"],
        reference=task["programs"][0],
        source=task.get("before"),
    )


def _digest(problems: list[Problem]) -> str:
    """Return the SHA-256 of what is measured: the files hold more, which may change."""
    text = json.dumps([[p.id, p.instruction, repr(p.expect), p.source] for p in problems])
    return hashlib.sha256(text.encode()).hexdigest()
