"""Tasks become training examples: an instruction, and edits that write a program for it."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ondevice import lintseq
from ondevice.edits import LINTSEQ, Edit
from ondevice.errors import DataError
from ondevice.lintseq import linters
from ondevice.training.recipe import DataSettings


@dataclass(frozen=True)
class Task:
    """One training task: ways to ask for it, and edit sequences per program that answer it."""

    id: str
    entry_point: str | None
    instructions: tuple[str, ...]
    sequences: tuple[tuple[str, ...], ...]


def read_tasks(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the training part of the function and script tasks, held-out wordings left out.

    Raises ``DataError`` when the folder or its split cannot be read.
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
        tasks = [row for row in rows if row["kind"] != "edit" and row["id"] not in held_out]
        for row in tasks:
            row["instructions"] = [
                text
                for number, text in enumerate(row["instructions"])
                if number != hidden.get(row["id"])
            ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise DataError(f"cannot read the tasks in {folder}: {reason}") from error
    if not tasks:
        raise DataError(f"there are no training tasks in {folder}")
    yield from tasks


def refactor_tasks(settings: DataSettings, seed: int) -> list[Task]:
    """Refactor every program of the training tasks into ``settings.paths`` edit sequences at most.

    Raises ``DataError`` for a program that the linter objects to.
    """
    linter = linters.get(settings.linter)
    tasks = []
    for row in read_tasks(settings.tasks):
        sequences = []
        for number, program in enumerate(row["programs"][: settings.programs]):
            # One generator a path: more paths or programs leave the others as they were.
            drawn = range(max(settings.drawn, settings.paths))
            seeds = [f"{seed}/{row['id']}/{number}/{path}" for path in drawn]
            try:
                refactoring = lintseq.Refactoring(program, linter)
                edits = [refactoring.edits(random.Random(text)) for text in seeds]
            except DataError as error:
                raise DataError(f"{row['id']}, program {number}: {error}") from error
            if settings.drawn:
                edits.sort(key=_simplicity)
            texts = dict.fromkeys(LINTSEQ.write_sequence(path) for path in edits)
            sequences.append(tuple(texts)[: settings.paths])
        instructions = tuple(row["instructions"])
        tasks.append(Task(row["id"], row["entry_point"], instructions, tuple(sequences)))
    return tasks


def _simplicity(edits: Sequence[Edit]) -> tuple[bool, int, int]:
    """Order paths from the simplest on: few hunks are short to write, and few lines to count."""
    hunks = sum(len(edit.hunks) for edit in edits)
    return len(edits) == 1, hunks, len(edits)


def divide(tasks: list[Task], share: float, seed: int) -> tuple[list[Task], list[Task]]:
    """Keep a share of the instructions back for development; return (training, development)."""
    train, development = [], []
    for task in tasks:
        rng = random.Random(f"{seed}/development/{task.id}")
        kept = [text for text in task.instructions if rng.random() >= share]
        back = [text for text in task.instructions if text not in kept]
        train.append(Task(task.id, task.entry_point, tuple(kept), task.sequences))
        if back:
            development.append(Task(task.id, task.entry_point, tuple(back), task.sequences))
    return train, development


def examples(
    tasks: list[Task], settings: DataSettings, rng: random.Random
) -> list[tuple[str, str]]:
    """Return one epoch: every instruction, varied, with an edit sequence that answers it."""
    pairs = []
    for task in tasks:
        for instruction in task.instructions:
            sequence = rng.choice(rng.choice(task.sequences))
            if task.entry_point and rng.random() < settings.renamed:
                instruction, sequence = rename(instruction, sequence, task.entry_point, rng)
            if rng.random() < settings.noisy:
                instruction = disturb(instruction, rng)
            pairs.append((instruction, sequence))
    rng.shuffle(pairs)
    return pairs


_PREFIXES = ("my", "get", "calc", "compute", "find", "make", "do", "run", "the", "simple", "new")
_SUFFIXES = ("of", "value", "fn", "v2", "for", "helper", "now", "func", "impl", "here")


def rename(instruction: str, sequence: str, name: str, rng: random.Random) -> tuple[str, str]:
    """Give the entry point another name in both texts, where the instruction fixes it at all."""
    if rng.random() < 0.5:
        prefix = rng.choice(_PREFIXES)
        other = prefix.title() + name if name[0].isupper() else f"{prefix}_{name}"
    else:
        suffix = rng.choice(_SUFFIXES)
        other = name + suffix.title() if name[0].isupper() else f"{name}_{suffix}"
    pattern = re.compile(rf"\b{re.escape(name)}\b")
    if not pattern.search(instruction) or re.search(rf"\b{other}\b", sequence):
        return instruction, sequence
    return pattern.sub(other, instruction), pattern.sub(other, sequence)


_OPENINGS = ("please ", "python: ", "can you ", "hi, ", "task: ", "quick one: ", "in python, ")


def disturb(instruction: str, rng: random.Random) -> str:
    """Vary how an instruction is put, as people do: words left out, case, full stop, an opening.

    Code (a signature with its docstring, a comment) keeps its form.
    """
    if "\n" in instruction or instruction.startswith("#"):
        return instruction
    words = instruction.split(" ")
    if len(words) > 5:
        drop = rng.uniform(0.0, 0.2)
        words = [word for word in words if "(" in word or "`" in word or rng.random() >= drop]
    text = " ".join(words)
    if rng.random() < 0.2:
        text = text.rstrip(".?!")
    if rng.random() < 0.2:
        text = text[:1].swapcase() + text[1:]
    if rng.random() < 0.15:
        text = rng.choice(_OPENINGS) + text
    return text or instruction
