"""Batches in an order that depends on the seed alone, so that a run can resume at any of them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ondevice.edits import TEMPLATE
from ondevice.training.batch import IGNORED, Batch
from ondevice.training.recipe import DataSettings, Recipe
from ondevice.training.tokenizer import END_OF_TEXT
from ondevice.training.tuning.tasks import Task, examples

if TYPE_CHECKING:
    from tokenizers import Tokenizer

ROUNDING = 32


class TaskBatches:
    """All batches of a run: ``epoch(n)`` is the same whenever it is asked for."""

    def __init__(
        self, tasks: list[Task], tokenizer: Tokenizer, recipe: Recipe, data: DataSettings
    ) -> None:
        self._tasks = tasks
        self._tokenizer = tokenizer
        self._recipe = recipe
        self._data = data
        self._end = tokenizer.token_to_id(END_OF_TEXT)

    def epoch(self, number: int) -> list[Batch]:
        """Return the batches of one pass over all instructions."""
        rng = random.Random(f"{self._recipe.seed}/epoch/{number}")
        rows = self._encode(examples(self._tasks, self._data, rng))
        # Rows of like length share a batch, to waste little on padding.
        rows.sort(key=lambda row: len(row[0]))
        batches = list(self._cut(rows))
        rng.shuffle(batches)
        return batches

    def _encode(self, pairs: list[tuple[str, str]]) -> list[tuple[list[int], int]]:
        """Return (tokens, length of the prompt) for each pair that fits the context."""
        prompts = self._tokenizer.encode_batch(
            [TEMPLATE.replace("{instruction}", instruction) for instruction, _ in pairs]
        )
        answers = self._tokenizer.encode_batch([sequence for _, sequence in pairs])
        rows = [
            ([*prompt.ids, *answer.ids, self._end], len(prompt.ids))
            for prompt, answer in zip(prompts, answers, strict=True)
        ]
        return [row for row in rows if len(row[0]) <= self._recipe.model.context]

    def _cut(self, rows: list[tuple[list[int], int]]) -> Iterator[Batch]:
        budget = self._recipe.training.tokens_per_batch
        pending: list[tuple[list[int], int]] = []
        for row in rows:
            if pending and _rounded(len(row[0])) * (len(pending) + 1) > budget:
                yield self._padded(pending)
                pending = []
            pending.append(row)
        if pending:
            yield self._padded(pending)

    def _padded(self, rows: list[tuple[list[int], int]]) -> Batch:
        length = _rounded(max(len(tokens) for tokens, _ in rows))
        ids = np.full((len(rows), length), self._end, dtype=np.int64)
        targets = np.full((len(rows), length), IGNORED, dtype=np.int64)
        for number, (tokens, prompt) in enumerate(rows):
            ids[number, : len(tokens)] = tokens
            targets[number, prompt - 1 : len(tokens) - 1] = tokens[prompt:]
        return Batch(ids, targets)


def _rounded(length: int) -> int:
    """Round up, so that compiled code meets few shapes."""
    return -(-length // ROUNDING) * ROUNDING
