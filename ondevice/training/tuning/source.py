"""Tasks as a source of examples, of which a part is kept back to watch the loss on."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ondevice.edits import TEMPLATE
from ondevice.training.batch import Batch, Batches
from ondevice.training.recipe import DataSettings, Recipe
from ondevice.training.source import Report
from ondevice.training.tokenizer import END_OF_TEXT
from ondevice.training.tuning.batches import TaskBatches
from ondevice.training.tuning.mixture import Mixture

if TYPE_CHECKING:
    from tokenizers import Tokenizer


class TaskSource:
    """Instructions and the edit sequences that answer them, made anew in every epoch."""

    def __init__(self, recipe: Recipe, data: DataSettings, report: Report) -> None:
        self._recipe = recipe
        self._training, self._development = Mixture.read(data, recipe.seed)
        report(f"to tune on: {self._training}; kept back: {self._development}")

    def tokenizer_texts(self) -> Iterator[str]:
        """Yield every instruction trained on with one answer."""
        for example in self._training.epoch(random.Random(f"{self._recipe.seed}/tokenizer")):
            prompt = TEMPLATE.replace("{instruction}", example.instruction)
            yield prompt + example.given + example.answer + END_OF_TEXT

    def batches(self, tokenizer: Tokenizer) -> Batches:
        """Return every instruction trained on, epoch by epoch in other words."""
        return TaskBatches(self._training, tokenizer, self._recipe)

    def held_out(self, tokenizer: Tokenizer) -> Mapping[str, Sequence[Batch]]:
        """Return what is kept back for development, by where it comes from."""
        parts = {
            name: TaskBatches(part, tokenizer, self._recipe).epoch(0)
            for name, part in self._development.parts().items()
        }
        return {name: batches for name, batches in parts.items() if batches}

    def prompts(self) -> list[str]:
        """Return the first instruction that is kept back."""
        instructions = [task.instructions[0] for task in self._development.tasks[:1]]
        return [TEMPLATE.replace("{instruction}", text) for text in instructions]
