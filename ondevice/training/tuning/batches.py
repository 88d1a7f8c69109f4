"""Batches in an order that depends on the seed alone, so that a run can resume at any of them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ondevice.edits import TEMPLATE
from ondevice.training.batch import IGNORED, Batch
from ondevice.training.recipe import Recipe
from ondevice.training.tokenizer import END_OF_TEXT
from ondevice.training.tuning.answers import Example
from ondevice.training.tuning.mixture import Mixture

if TYPE_CHECKING:
    from tokenizers import Tokenizer

ROUNDING = 32


class _Row(NamedTuple):
    tokens: list[int]
    shown: int
    """How many of the tokens, the first ones, are not learned."""


class TaskBatches:
    """All batches of a run: ``epoch(n)`` is the same whenever it is asked for."""

    def __init__(self, mixture: Mixture, tokenizer: Tokenizer, recipe: Recipe) -> None:
        self._mixture = mixture
        self._tokenizer = tokenizer
        self._recipe = recipe
        self._end = tokenizer.token_to_id(END_OF_TEXT)

    def epoch(self, number: int) -> list[Batch]:
        """Return the batches of one pass over all instructions."""
        rng = random.Random(f"{self._recipe.seed}/epoch/{number}")
        rows = self._encode(self._mixture.epoch(rng))
        # Rows of like length share a batch, to waste little on padding.
        rows.sort(key=lambda row: len(row.tokens))
        batches = list(self._cut(rows))
        rng.shuffle(batches)
        return batches

    def _encode(self, examples: list[Example]) -> list[_Row]:
        """Return the rows that fit the context."""
        encode = self._tokenizer.encode_batch
        prompts = encode(
            [
                TEMPLATE.replace("{instruction}", example.instruction) + example.given
                for example in examples
            ]
        )
        answers = encode([example.answer for example in examples])
        rows = (
            _Row([*prompt.ids, *answer.ids, self._end], len(prompt.ids))
            for prompt, answer in zip(prompts, answers, strict=True)
        )
        return [row for row in rows if len(row.tokens) <= self._recipe.model.context]

    def _cut(self, rows: list[_Row]) -> Iterator[Batch]:
        budget = self._recipe.training.tokens_per_batch
        pending: list[_Row] = []
        for row in rows:
            if pending and _rounded(len(row.tokens)) * (len(pending) + 1) > budget:
                yield self._padded(pending)
                pending = []
            pending.append(row)
        if pending:
            yield self._padded(pending)

    def _padded(self, rows: list[_Row]) -> Batch:
        length = _rounded(max(len(row.tokens) for row in rows))
        ids = np.full((len(rows), length), self._end, dtype=np.int64)
        targets = np.full((len(rows), length), IGNORED, dtype=np.int64)
        for number, (tokens, shown) in enumerate(rows):
            ids[number, : len(tokens)] = tokens
            targets[number, shown - 1 : len(tokens) - 1] = tokens[shown:]
        return Batch(ids, targets)


def _rounded(length: int) -> int:
    """Round up, so that compiled code meets few shapes."""
    return -(-length // ROUNDING) * ROUNDING
