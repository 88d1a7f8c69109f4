"""`ondevice train`: from a recipe to a checkpoint, in steps that each resume where they stopped."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from typing import TYPE_CHECKING

from ondevice.errors import DataError, DependencyError
from ondevice.files import write_atomically
from ondevice.training.pretraining.source import CorpusSource
from ondevice.training.recipe import WEIGHTS, Recipe
from ondevice.training.source import Report, Source
from ondevice.training.tokenizer import train_tokenizer
from ondevice.training.tuning.source import TaskSource

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def train(
    recipe_path: Path,
    folder: Path,
    report: Report = print,
    *,
    start: Path | None = None,
    threads: int | None = None,
) -> Path:
    """Carry a recipe out in ``folder`` and return the path of the finished checkpoint.

    What an earlier, interrupted run left in the folder is gone on from: the packed
    corpus, the tokenizer, and the last training state. ``start`` is the folder of a
    checkpoint whose tokenizer and weights the run begins with. In processes that torchrun started,
    the model is trained by all of them together. Raises ``DataError`` for a recipe, data or
    checkpoint that cannot be used, and when the folder belongs to another recipe or start.
    """
    recipe = Recipe.read(recipe_path)
    try:  # before the data are made ready, which takes minutes
        import torch

        from ondevice.training.loop import fit
        from ondevice.training.team import Team
        from ondevice.training.trainer import Trainer
    except ImportError as error:
        raise DependencyError(
            f"training needs {error.name}, which is not installed: pip install 'ondevice[train]'"
        ) from error
    if threads:
        torch.set_num_threads(threads)
    with Team.joined() as team:
        report = report if team.is_first else _silent
        with team.first_alone():
            folder.mkdir(parents=True, exist_ok=True)
            _claim(folder, recipe, start)
            source = _source(recipe, folder, report)
            tokenizer = prepared_tokenizer(recipe, source, folder, start, report)
            batches, held_out = source.batches(tokenizer), source.held_out(tokenizer)
        torch.manual_seed(recipe.seed)
        trainer = Trainer(recipe, tokenizer, team)
        return fit(trainer, batches, held_out, source.prompts(), folder, report, start)


def _silent(line: str) -> None:
    pass


def _source(recipe: Recipe, folder: Path, report: Report) -> Source:
    if recipe.data:
        return TaskSource(recipe, recipe.data, report)
    assert recipe.corpus
    return CorpusSource(recipe, recipe.corpus, folder, report)


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


def prepared_tokenizer(
    recipe: Recipe,
    source: Source,
    folder: Path,
    start: Path | None = None,
    report: Report = _silent,
) -> Tokenizer:
    """Return the tokenizer in a run's folder, which before is trained or taken from ``start``.

    Raises ``DataError`` where that one has none that can be read.
    """
    from tokenizers import Tokenizer

    path = folder / "tokenizer.json"
    if start and not path.exists():
        try:
            write_atomically(path, Tokenizer.from_file(str(start / path.name)).to_str())
        except Exception as error:  # the library raises nothing narrower
            raise DataError(f"{start} has no usable {path.name}: {error}") from error
    if not path.exists():
        texts = list(source.tokenizer_texts())
        random.Random(recipe.seed).shuffle(texts)
        tokenizer = train_tokenizer(texts, recipe.tokenizer)
        write_atomically(path, tokenizer.to_str())
    tokenizer = Tokenizer.from_file(str(path))
    report(f"tokenizer with {tokenizer.get_vocab_size()} tokens")
    return tokenizer
