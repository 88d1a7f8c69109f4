"""Tasks as a source: refactored once, and kept in the run's folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ondevice.edits import TEMPLATE
from ondevice.files import write_atomically
from ondevice.training.batch import Batch, Batches
from ondevice.training.recipe import DataSettings, Recipe
from ondevice.training.source import Report
from ondevice.training.tokenizer import END_OF_TEXT
from ondevice.training.tuning.batches import TaskBatches
from ondevice.training.tuning.tasks import Task, divide, refactor_tasks

if TYPE_CHECKING:
    from tokenizers import Tokenizer


class TaskSource:
    """Instructions of the tasks and the edit sequences that answer them."""

    def __init__(self, recipe: Recipe, data: DataSettings, folder: Path, report: Report) -> None:
        self._recipe, self._data = recipe, data
        tasks = _refactored(data, recipe.seed, folder, report)
        self._training, self._development = divide(tasks, data.development, recipe.seed)

    def tokenizer_texts(self) -> list[str]:
        """Return every instruction trained on with one answer."""
        return tokenizer_texts(self._training)

    def batches(self, tokenizer: Tokenizer) -> Batches:
        """Return every instruction trained on, epoch by epoch in other words."""
        return TaskBatches(self._training, tokenizer, self._recipe, self._data)

    def held_out(self, tokenizer: Tokenizer) -> Mapping[str, Sequence[Batch]]:
        """Return the instructions that are kept back for development."""
        batches = TaskBatches(self._development, tokenizer, self._recipe, self._data).epoch(0)
        return {"development": batches} if batches else {}

    def prompts(self) -> list[str]:
        """Return the first instruction that is kept back."""
        instructions = [task.instructions[0] for task in self._development[:1]]
        return [TEMPLATE.replace("{instruction}", text) for text in instructions]


def tokenizer_texts(tasks: list[Task]) -> list[str]:
    """Return each instruction with an answer of the task, the programs in turn."""
    return [
        TEMPLATE.replace("{instruction}", instruction) + sequence + END_OF_TEXT
        for task in tasks
        for number, instruction in enumerate(task.instructions)
        for sequence in [task.sequences[number % len(task.sequences)][0]]
    ]


def _refactored(data: DataSettings, seed: int, folder: Path, report: Report) -> list[Task]:
    path = folder / "sequences.jsonl"
    if not path.exists():
        report(f"refactoring the tasks in {data.tasks} with the linter {data.linter}")
        tasks = refactor_tasks(data, seed)
        rows = [json.dumps(vars(task)) for task in tasks]
        write_atomically(path, "\n".join(rows) + "\n")
    tasks = [
        Task(
            row["id"],
            row["entry_point"],
            tuple(row["instructions"]),
            tuple(tuple(sequences) for sequences in row["sequences"]),
        )
        for row in map(json.loads, path.read_text(encoding="utf-8").splitlines())
    ]
    programs = sum(len(task.sequences) for task in tasks)
    sequences = sum(len(paths) for task in tasks for paths in task.sequences)
    report(f"{len(tasks)} tasks, {programs} programs, {sequences} different edit sequences")
    return tasks
