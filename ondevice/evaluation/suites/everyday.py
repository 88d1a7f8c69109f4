"""The everyday tasks of this project: what training held out, and edits of existing programs.

The format is told in ``bench/everyday/README.md``. ``wordings`` are instructions held out of tasks
that were trained on, ``tasks`` those of which nothing was trained on; ``split.json`` says which.
``edits`` are changes to an existing program, ``edits-insert-only`` those that insertions suffice
for: tuning trains on these but for ``edits-held-out``. Changes that keep the behavior are left out,
since tests cannot tell whether one was made. An edit is asked for in the words that name the entry
point, of several those that the hash of the id picks; the few that are held out are asked for in
each of them. What insertions suffice for has a figure of its own.
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
PARTS = ("wordings", "tasks", "edits", "edits-insert-only", "edits-held-out")
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
        problems = [
            _problem(task, wording, several=len(wordings) > 1)
            for task, wordings in _chosen(tasks, folder, part)
            for wording in wordings
        ]
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise DataError(f"cannot read the everyday suite in {folder}: {reason}") from error
    if not problems:
        raise DataError(f"the everyday suite in {folder} has no problems in its part {part!r}")
    if not part.startswith("edits"):
        return Suite(f"everyday-{part}", tuple(problems), _digest(problems))
    insertable = {task["id"] for task in tasks if task.get("insert_only")}
    marked = frozenset(one.id for one in problems if one.id.partition("#")[0] in insertable)
    return Suite(part, tuple(problems), _digest(problems), parts={"insert-only": marked})


_Chosen = Iterator[tuple[dict[str, Any], list[int]]]


def _chosen(tasks: list[dict[str, Any]], folder: Path, part: str) -> _Chosen:
    """Yield the tasks of a part, with the numbers of the instructions that are asked."""
    split = json.loads((folder / "split.json").read_text(encoding="utf-8"))
    if part in _SPLIT:
        held_out = split[_SPLIT[part]]
        for task in tasks:
            wording = held_out.get(task["id"])
            yield task, [] if wording is None else [wording]
        return
    for task in tasks:
        if task["kind"] != "edit" or task["keeps_behaviour"]:
            continue
        wordings = _naming(task)
        if part == "edits-held-out":
            yield task, wordings if task["id"] in split[_SPLIT["tasks"]] else []
        elif part == "edits" or task["insert_only"]:
            yield task, [wordings[_pick(task["id"]) % len(wordings)]] if wordings else []


def _naming(task: dict[str, Any]) -> list[int]:
    """Return the numbers of the instructions that name the entry point."""
    return [
        number for number, text in enumerate(task["instructions"]) if task["entry_point"] in text
    ]


def _pick(id: str) -> int:
    return int.from_bytes(hashlib.sha256(id.encode()).digest()[:8], "big")


def _problem(task: dict[str, Any], wording: int, *, several: bool) -> Problem:
    expect: Expectation
    if task["kind"] == "script":
        expect = Output(((task["stdin"], task["stdout"]),))
    else:
        expect = Assertions(tuple(task["tests"]))
    return Problem(
        id=f"{task['id']}#{wording}" if several else task["id"],
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
