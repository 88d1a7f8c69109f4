"""A corpus as a source: tokenized and packed once, and kept in the run's folder."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ondevice.errors import DataError
from ondevice.training.batch import Batch, Batches
from ondevice.training.pretraining import packing
from ondevice.training.pretraining.documents import (
    EDITS,
    FILES,
    FUNCTIONS,
    HELD_OUT,
    KINDS,
    TRAIN,
    documents,
    signatures,
)
from ondevice.training.pretraining.mixture import Mixture
from ondevice.training.recipe import CorpusSettings, Recipe
from ondevice.training.source import Report
from ondevice.training.tokenizer import END_OF_TEXT

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_PROMPTS = 2
_LONGEST_PROMPT = 600
_EVALUATED_TOGETHER = 8


class CorpusSource:
    """Files, functions and edit sequences of a corpus in the shares that the recipe asks for."""

    def __init__(
        self, recipe: Recipe, corpus: CorpusSettings, folder: Path, report: Report
    ) -> None:
        self._recipe, self._corpus, self._report = recipe, corpus, report
        self._folder = folder / "rows"
        self._shares = shares(corpus)

    def tokenizer_texts(self) -> Iterator[str]:
        """Yield texts of each kind, from all over the corpus."""
        for kind, share in self._shares.items():
            texts = documents(self._corpus.folder, TRAIN, kind)
            size = self._size(kind)
            budget = share * self._corpus.sample * 1e6
            yield from _sampled(texts, budget / max(1, size), f"{self._recipe.seed}/{kind}")

    def batches(self, tokenizer: Tokenizer) -> Batches:
        """Return rows of the training part, mixed."""
        rows = self._recipe.training.tokens_per_batch // self._recipe.model.context
        kinds = {kind: self._rows(TRAIN, kind, tokenizer) for kind in KINDS if self._shares[kind]}
        if rows < 1:
            raise DataError("tokens_per_batch must be at least the model's context")
        if sum(map(len, kinds.values())) < rows:
            raise DataError(f"{self._corpus.folder} holds less than a batch of {rows} rows")
        end = tokenizer.token_to_id(END_OF_TEXT)
        return Mixture(kinds, self._shares, rows, self._recipe.seed, end)

    def held_out(self, tokenizer: Tokenizer) -> Mapping[str, Sequence[Batch]]:
        """Return the same number of rows of each kind from the part that is held out."""
        end = tokenizer.token_to_id(END_OF_TEXT)
        watched = {}
        for kind in KINDS:
            rows = self._rows(HELD_OUT, kind, tokenizer)
            order = np.random.default_rng(self._recipe.seed).permutation(len(rows))
            chosen = rows[np.sort(order[: self._corpus.held_out_rows])]
            together = range(0, len(chosen), _EVALUATED_TOGETHER)
            batches = [packing.batch(chosen[i : i + _EVALUATED_TOGETHER], end) for i in together]
            if batches:
                watched[f"held-out {kind}"] = batches
        return watched

    def prompts(self) -> list[str]:
        """Return the beginnings of some held-out functions."""
        texts = signatures(self._corpus.folder, HELD_OUT)
        short = (text for text in texts if len(text) <= _LONGEST_PROMPT)
        return list(itertools.islice(short, _PROMPTS))

    def _size(self, kind: str) -> int:
        return sum(len(text) for text in documents(self._corpus.folder, TRAIN, kind))

    def _rows(self, part: str, kind: str, tokenizer: Tokenizer) -> NDArray[np.uint16]:
        path = self._folder / f"{part}-{kind}.npy"
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            length = self._recipe.model.context
            texts = documents(self._corpus.folder, part, kind)
            end = tokenizer.token_to_id(END_OF_TEXT)
            # A part of an edit sequence speaks of lines that its reader has not seen.
            rows = packing.pack(texts, tokenizer, end, length, path, whole=kind == EDITS)
            self._report(f"{part} {kind}: {_described(rows, end)}")
        return packing.load(path)


def shares(corpus: CorpusSettings) -> dict[str, float]:
    """Return the share of the tokens trained on that is of each kind."""
    files = 1 - corpus.functions - corpus.edits
    return {FILES: files, FUNCTIONS: corpus.functions, EDITS: corpus.edits}


def _described(rows: NDArray[np.uint16], end: int) -> str:
    targets = sum(packing.batch(rows[i : i + 1024], end).counted for i in range(0, len(rows), 1024))
    filled = targets / max(1, rows.size)
    return f"{len(rows):,} rows of {rows.shape[1]}, {targets:,} tokens, {filled:.1%} of the room"


def _sampled(texts: Iterable[str], share: float, seed: str) -> Iterator[str]:
    rng = random.Random(seed)
    return (text for text in texts if rng.random() < share)
