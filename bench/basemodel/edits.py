"""Loss and accuracy on held-out edit sequences, by what a token stands for."""

from __future__ import annotations

import argparse
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import torch

from basemodel.checkpoint import Checkpoint
from ondevice.edits import SEPARATOR
from ondevice.training.pretraining.documents import EDITS, HELD_OUT, documents

HEADER = re.compile(r"(?P<open>@@ -)(?P<a>\d+)(?P<zero>,0 \+)(?P<b>\d+)(?P<n>,\d+)?(?P<close> @@)")
FIELDS = {
    "open": "hunk or end",
    "a": "header, a",
    "zero": "header, `,0 +`",
    "b": "header, b",
    "n": "header, n",
    "close": "header, ` @@`",
}
FORCED = ("header, `,0 +`", "header, b", "header, ` @@`")
"""What the constraint never asks the model for (docs: `,0 +`, the new start, ` @@`)."""
LINE, END, CODE = "line start", "hunk or end", "code"


def measure(checkpoint: Checkpoint, options: argparse.Namespace) -> dict[str, Any]:
    loss: dict[str, float] = defaultdict(float)
    right: dict[str, int] = defaultdict(int)
    count: dict[str, int] = defaultdict(int)
    sequences = 0
    for text in documents(options.corpus, HELD_OUT, EDITS):
        encoding = checkpoint.tokenizer.encode(text)
        if len(encoding.ids) > checkpoint.context:
            continue
        sequences += 1
        ids = torch.tensor([encoding.ids])
        found = checkpoint.log_probabilities(ids)[0]
        losses = -found.gather(1, ids[0, 1:, None])[:, 0]
        hits = found.argmax(1) == ids[0, 1:]
        kinds = token_kinds(text, [start for start, _ in encoding.offsets])
        for kind, nats, hit in zip(kinds[1:], losses.tolist(), hits.tolist(), strict=True):
            if kind is not None:
                loss[kind] += nats
                right[kind] += hit
                count[kind] += 1

    def summed(kinds: tuple[str, ...]) -> dict[str, Any]:
        total = sum(count[kind] for kind in kinds)
        return {
            "tokens": total,
            "loss": sum(loss[kind] for kind in kinds) / max(1, total),
            "accuracy": sum(right[kind] for kind in kinds) / max(1, total),
        }

    header = tuple(kind for kind in count if kind.startswith("header"))
    return {
        "sequences": sequences,
        "all": summed(tuple(count)),
        "header tokens": summed(header),
        "code tokens": summed((CODE,)),
        "forced fields": summed(FORCED),
        "by field": {kind: summed((kind,)) for kind in sorted(count)},
    }


def token_kinds(text: str, starts: list[int]) -> list[str | None]:
    """Return what each token of a document stands for, by where it starts; None in the prompt."""
    kinds: list[str | None] = [None] * (len(text) + 1)
    for start, stop, kind in _spans(text):
        kinds[start:stop] = [kind] * (stop - start)
    return [kinds[start] for start in starts]


def _spans(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield where something starts and stops, and what it is."""
    place = text.index(SEPARATOR) + len(SEPARATOR)
    while place < len(text):
        if match := HEADER.match(text, place):
            for name, kind in FIELDS.items():
                if match[name] is not None:
                    yield *match.span(name), kind
            place = match.end()
        elif text.startswith("\n+", place):
            stop = text.find("\n", place + 1)
            body = len(text[place + 2 : stop]) - len(text[place + 2 : stop].lstrip(" "))
            yield place, place + 2 + body, LINE
            yield place + 2 + body, stop, CODE
            place = stop
        else:  # the end of a line before another hunk, a separator, or the end of the text
            size = len(SEPARATOR) if text.startswith(SEPARATOR, place) else 1
            yield place, place + size, END
            place += size
