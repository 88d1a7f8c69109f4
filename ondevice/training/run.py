"""`ondevice train`: from a recipe to a checkpoint, in steps that each resume where they stopped."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ondevice.edits import SEPARATOR
from ondevice.errors import DataError, DependencyError
from ondevice.files import write_atomically
from ondevice.training.batches import Batches
from ondevice.training.data import Task, divide, refactor_tasks
from ondevice.training.recipe import Recipe
from ondevice.training.tokenizer import END_OF_TEXT, train_tokenizer

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Report = Callable[[str], None]
WEIGHTS = "model.safetensors"
TEMPLATE = "{instruction}\n" + SEPARATOR
"""The prompt of the published LintSeq models (arXiv 2410.02749)."""


def train(
    recipe_path: Path,
    folder: Path,
    report: Report = print,
    *,
    start: Path | None = None,
    threads: int | None = None,
) -> Path:
    """Carry a recipe out in ``folder`` and return the path of the finished checkpoint.

    What an earlier, interrupted run left in the folder is gone on from: the refactored tasks, the
    tokenizer, and the last training state. ``start`` is the folder of a checkpoint whose tokenizer
    and weights the run begins with. Raises ``DataError`` for a recipe, tasks or checkpoint that
    cannot be used, and when the folder belongs to another recipe or start.
    """
    recipe = Recipe.read(recipe_path)
    try:  # before the refactoring, which takes minutes
        from ondevice.training.loop import fit
    except ImportError as error:
        raise DependencyError(
            f"training needs {error.name}, which is not installed: pip install 'ondevice[train]'"
        ) from error
    folder.mkdir(parents=True, exist_ok=True)
    _claim(folder, recipe, start)
    train_tasks, development_tasks = divide(
        _refactored(recipe, folder, report), recipe.data.development, recipe.seed
    )
    tokenizer = _tokenizer(recipe, train_tasks, folder, start, report)
    return fit(
        recipe,
        folder,
        Batches(train_tasks, tokenizer, recipe, TEMPLATE),
        Batches(development_tasks, tokenizer, recipe, TEMPLATE).epoch(0),
        tokenizer,
        report,
        start,
        threads,
    )


def _claim(folder: Path, recipe: Recipe, start: Path | None) -> None:
    """Mark the folder as this recipe's from this start, or refuse it."""
    fingerprint = recipe.fingerprint()
    if start:
        try:
            weights = (start / WEIGHTS).read_bytes()
        except OSError as error:
            raise DataError(
                f"{start} is no checkpoint to start from: cannot read {WEIGHTS} in it"
            ) from error
        fingerprint += f" from {hashlib.sha256(weights).hexdigest()}"
    mark = folder / "recipe.sha256"
    if not mark.exists():
        write_atomically(mark, fingerprint + "\n")
    elif mark.read_text(encoding="utf-8").strip() != fingerprint:
        raise DataError(
            f"{folder} holds a run with other settings; name another folder, or delete it"
        )


def _refactored(recipe: Recipe, folder: Path, report: Report) -> list[Task]:
    path = folder / "sequences.jsonl"
    if not path.exists():
        report(f"refactoring the tasks in {recipe.data.tasks} with the linter {recipe.data.linter}")
        tasks = refactor_tasks(recipe.data, recipe.seed)
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


def _tokenizer(
    recipe: Recipe, tasks: list[Task], folder: Path, start: Path | None, report: Report
) -> Tokenizer:
    from tokenizers import Tokenizer

    path = folder / "tokenizer.json"
    if start and not path.exists():
        try:
            write_atomically(path, Tokenizer.from_file(str(start / path.name)).to_str())
        except Exception as error:  # the library raises nothing narrower
            raise DataError(f"{start} has no usable {path.name}: {error}") from error
    if not path.exists():
        texts = list(tokenizer_texts(tasks))
        random.Random(recipe.seed).shuffle(texts)
        tokenizer = train_tokenizer(texts, recipe.tokenizer)
        write_atomically(path, tokenizer.to_str())
    tokenizer = Tokenizer.from_file(str(path))
    report(f"tokenizer with {tokenizer.get_vocab_size()} tokens")
    return tokenizer


def tokenizer_texts(tasks: list[Task]) -> list[str]:
    """Return what the model will read and write, in the proportions in which it will."""
    return [
        TEMPLATE.replace("{instruction}", instruction) + sequence + END_OF_TEXT
        for task in tasks
        for number, instruction in enumerate(task.instructions)
        for sequence in [task.sequences[number % len(task.sequences)][0]]
    ]
