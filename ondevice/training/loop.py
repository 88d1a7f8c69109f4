"""The training loop, with checkpoints that bring a killed run back to the same step."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ondevice.errors import DataError
from ondevice.training.batch import Batch, Batches
from ondevice.training.reporter import Reporter
from ondevice.training.source import Report
from ondevice.training.trainer import Trainer


def fit(
    trainer: Trainer,
    batches: Batches,
    held_out: Mapping[str, Sequence[Batch]],
    prompts: Sequence[str],
    folder: Path,
    report: Report,
    start: Path | None = None,
) -> Path:
    """Train to the recipe's last step and return the checkpoint's folder.

    Raises ``DataError`` for a training state that cannot be read, and for a checkpoint in ``start``
    that is another model's, and for data of which nothing fits the model's context.
    """
    state = folder / "state.pt"
    if state.exists():
        trainer.load(state)
        report(f"resumed at step {trainer.progress.step}")
    elif start:
        trainer.take_weights(start)
        report(f"started from {start}")
    if not trainer.team.is_first:
        for batch in _remaining(trainer, batches):
            trainer.step(batch)
        return folder / "checkpoint"
    reporter = Reporter(trainer, held_out, prompts, folder / "log.jsonl", report)
    saved = time.monotonic()
    every = trainer.recipe.training.checkpoint_minutes * 60
    best = folder / "best" if trainer.recipe.training.keep == "best" else None
    for batch in _remaining(trainer, batches):
        losses = reporter.follow(trainer.step(batch))
        if losses and best:
            trainer.keep_if_best(losses, best)
        if time.monotonic() - saved >= every:
            trainer.save(state)
            saved = time.monotonic()
    trainer.save(state)
    reporter.close()
    if best and trainer.progress.lowest < math.inf:
        trainer.take_weights(best)
    return trainer.export(folder / "checkpoint")


def _remaining(trainer: Trainer, batches: Batches) -> Iterator[Batch]:
    """Yield what is to be trained on from where the trainer stands to the last step."""
    progress, steps = trainer.progress, trainer.recipe.training.steps
    while progress.step < steps:
        epoch = batches.epoch(progress.epoch)
        if not epoch:
            context = trainer.recipe.model.context
            raise DataError(f"no example fits the context of {context} tokens")
        for number in range(progress.batch, len(epoch)):
            yield epoch[number]
            if progress.step == steps:
                return
        progress.epoch, progress.batch = progress.epoch + 1, 0
