"""Bits per byte of held-out files, beside a general compressor and an n-gram model."""

from __future__ import annotations

import argparse
import lzma
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from peers.ngram import NGrams

from basemodel.checkpoint import Checkpoint
from ondevice.training.pretraining import packing
from ondevice.training.pretraining.documents import FILES, HELD_OUT, TRAIN, documents
from ondevice.training.pretraining.source import shares
from ondevice.training.recipe import Recipe
from ondevice.training.tokenizer import END_OF_TEXT

ORDER = 5
_ROWS = 8


def measure(checkpoint: Checkpoint, options: argparse.Namespace) -> dict[str, Any]:
    texts = sample(options.corpus, options.files)
    size = sum(len(text.encode()) for text in texts)
    tokens = [np.array(checkpoint.tokenizer.encode(text).ids, np.uint16) for text in texts]
    result = {
        "files": len(texts),
        "bytes": size,
        "tokens": sum(map(len, tokens)),
        "model": sum(bits(checkpoint, ids) for ids in tokens) / size,
        "xz -9, file by file": sum(len(xz(text.encode())) for text in texts) * 8 / size,
        "xz -9, all in one": len(xz("".join(texts).encode())) * 8 / size,
    }
    if options.run:
        seen = tokens_seen(options.run, Recipe.read(options.recipe))
        model = NGrams(seen, checkpoint.tokenizer.get_vocab_size(), ORDER)
        # Before the first token of a file stands the end of another, for this model.
        total = sum(-model.log2(np.insert(ids, 0, checkpoint.end))[1:].sum() for ids in tokens)
        result |= {f"{ORDER}-gram": float(total) / size, f"{ORDER}-gram, tokens": len(seen)}
    return result


def sample(corpus: Path, megabytes: float) -> list[str]:
    """Return held-out files of about so many megabytes, always the same ones."""
    texts = [text.removesuffix(END_OF_TEXT) for text in documents(corpus, HELD_OUT, FILES)]
    random.Random(0).shuffle(texts)
    chosen: list[str] = []
    size = 0
    for text in texts:
        if size >= megabytes * 1e6:
            break
        chosen.append(text)
        size += len(text.encode())
    return chosen


def xz(content: bytes) -> bytes:
    return lzma.compress(content, preset=9)


def bits(checkpoint: Checkpoint, ids: NDArray[np.uint16]) -> float:
    """Return how many bits a file takes: each token is foretold from half a context or more, where
    there is as much; the first one from nothing, at the price of any."""
    total = math.log2(checkpoint.tokenizer.get_vocab_size())
    for rows, fresh in _batched(_windows(len(ids), checkpoint.context)):
        texts = torch.from_numpy(np.stack([ids[start:stop] for start, stop in rows]).astype(int))
        found = checkpoint.log_probabilities(texts)
        right = found.gather(2, texts[:, 1:, None])[..., 0]
        for row, new in zip(right, fresh, strict=True):
            total -= float(row[-new:].sum()) / math.log(2)
    return total


def _windows(length: int, context: int) -> Iterator[tuple[int, int, int]]:
    """Yield where a window starts and stops, and how many of its last tokens are new."""
    stop = min(length, context)
    if stop > 1:
        yield 0, stop, stop - 1
    while stop < length:
        new = min(context // 2, length - stop)
        stop += new
        yield stop - context, stop, new


def _batched(
    windows: Iterator[tuple[int, int, int]],
) -> Iterator[tuple[list[tuple[int, int]], list[int]]]:
    rows: list[tuple[int, int]] = []
    fresh: list[int] = []
    for start, stop, new in windows:
        rows.append((start, stop))
        fresh.append(new)
        if len(rows) == _ROWS:
            yield rows, fresh
            rows, fresh = [], []
    if rows:
        yield rows, fresh


def tokens_seen(run: Path, recipe: Recipe) -> NDArray[np.uint16]:
    """Return training rows of a run, as many of each kind as its model has seen, each once."""
    assert recipe.corpus
    tokens = recipe.training.steps * recipe.training.tokens_per_batch
    parts = []
    for kind, share in shares(recipe.corpus).items():
        rows = packing.load(run / "rows" / f"{TRAIN}-{kind}.npy")
        seen = round(tokens * share / rows.shape[1])
        order = np.random.default_rng(0).permutation(len(rows))[:seen]
        parts.append(np.asarray(rows[np.sort(order)]).reshape(-1))
    return np.concatenate(parts)
