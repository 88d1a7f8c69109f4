"""Tasks as they are written down: instructions, programs, and what of them is held out."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ondevice.edits import Buffer, diff
from ondevice.errors import DataError


@dataclass(frozen=True)
class Task:
    """One training task: ways to ask for it, and programs that answer it.

    Where ``before`` is a program, it is to be changed into the others.
    """

    id: str
    entry_point: str | None
    instructions: tuple[str, ...]
    programs: tuple[str, ...]
    before: str = ""


def read_tasks(folder: Path, programs: int = 100) -> list[Task]:
    """Return the training part of the tasks, with at most so many programs each.

    Held-out tasks and wordings are left out, and changes that take more than insertions. Raises
    ``DataError`` when the folder or its split cannot be read.
    """
    try:
        split = json.loads((folder / "split.json").read_text(encoding="utf-8"))
        held_out, hidden = split["held_out_tasks"], split["held_out_wordings"]
        rows = [
            json.loads(line)
            for file in sorted(folder.glob("*.jsonl"))
            for line in file.read_text(encoding="utf-8").split("\n")
            if line
        ]
        tasks = [
            _task(row, hidden.get(row["id"]), programs)
            for row in rows
            if row["id"] not in held_out and (row["kind"] != "edit" or row["insert_only"])
        ]
        tasks = [task for task in tasks if task.programs]
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise DataError(f"cannot read the tasks in {folder}: {reason}") from error
    if not tasks:
        raise DataError(f"there are no training tasks in {folder}")
    return tasks


def with_sampled(tasks: list[Task], path: Path) -> list[Task]:
    """Return the tasks with the programs that a file has for them, ``{"id", "programs"}`` a line.

    Raises ``DataError`` when the file cannot be read.
    """
    sampled: dict[str, list[str]] = {}
    try:
        for line in path.read_text(encoding="utf-8").split("\n"):
            if line:
                row = json.loads(line)
                sampled.setdefault(row["id"], []).extend(row["programs"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise DataError(f"cannot read the sampled programs in {path}: {reason}") from error
    return [
        replace(task, programs=tuple(dict.fromkeys([*task.programs, *sampled.get(task.id, ())])))
        for task in tasks
    ]


def _task(row: dict[str, Any], hidden: int | None, programs: int) -> Task:
    kept = (text for number, text in enumerate(row["instructions"]) if number != hidden)
    before = row.get("before", "")
    answers = [text for text in row["programs"] if not before or _inserts(before, text)]
    return Task(row["id"], row["entry_point"], tuple(kept), tuple(answers[:programs]), before)


def _inserts(before: str, after: str) -> bool:
    """Whether insertions alone make one program of the other, as difflib sees it."""
    edit = diff(Buffer.from_text(before), Buffer.from_text(after))
    return bool(edit.hunks) and edit.insert_only


def divide(tasks: list[Task], share: float, seed: int) -> tuple[list[Task], list[Task]]:
    """Keep a share of the instructions back for development; return (training, development)."""
    train, development = [], []
    for task in tasks:
        rng = random.Random(f"{seed}/development/{task.id}")
        kept = tuple(text for text in task.instructions if rng.random() >= share)
        back = tuple(text for text in task.instructions if text not in kept)
        train.append(replace(task, instructions=kept))
        if back:
            development.append(replace(task, instructions=back))
    return train, development


def requests(tasks: Sequence[Task]) -> Iterator[tuple[Task, str]]:
    """Yield every instruction with its task."""
    for task in tasks:
        for instruction in task.instructions:
            yield task, instruction
