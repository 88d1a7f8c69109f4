"""Whether the constraint changes what was right without it.

Each problem is solved greedily without the constraint and with it, and nothing is checked. Where
the free output is valid to its end (every edit applies, and the text is finished), the constrained
one should be the same token for token. The bundled model solves all held-out wordings; for the
unified dialect there is no such model, so a small one learns a few diffs by heart.

Tokens that must come are evaluated in one batch. Dynamic int8 takes its scale from all of a batch,
so that logits after it differ from those after the same tokens one by one. The side "one by one"
tells what is due to that from what the constraint would do.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import ondevice
from enginebench import memory
from ondevice.backends import Backend, Logits, open_backend
from ondevice.catalogue import resolve
from ondevice.evaluation.suites.everyday import read_everyday
from ondevice.events import Done, EditRejected, Token

TASKS = Path(__file__).parents[1] / "everyday"
EXAMPLES = 5
"""Problems that differ, of which the results show both texts."""

Request = dict[str, Any]


class OneByOne:
    """A backend that evaluates tokens after a prompt one at a time, and is the same otherwise."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def evaluate(self, batch: Sequence[tuple[int, Sequence[int]]]) -> Logits:
        ((sequence, tokens),) = batch
        if not self._backend.length(sequence):
            return self._backend.evaluate(batch)
        for token in tokens:
            logits = self._backend.evaluate([(sequence, [token])])
        return logits


def measure(options: argparse.Namespace) -> dict[str, Any]:
    problems = read_everyday(TASKS, "wordings").problems[: options.problems]
    wordings = [{"prompt": problem.instruction} for problem in problems]
    result: dict[str, Any] = {}
    for backend in options.backends:
        with ondevice.load(backend=backend, threads=options.threads) as model:
            for lengths in ("written", "announced"):
                found = compare(model, ({**wording, "lengths": lengths} for wording in wordings))
                result[f"lintseq, lengths {lengths}, {backend}"] = found
                print(backend, lengths, found, flush=True)
        source = resolve(None)
        opened = open_backend(source.path, backend=backend, threads=options.threads)
        with ondevice.Model(OneByOne(opened), name=source.name, manifest=source.manifest) as model:
            result[f"lintseq, one by one, {backend}"] = compare(model, wordings)
        with memory.opened(options.models, backend, options.threads) as model:
            result[f"unified, {backend}"] = compare(model, memory.requests())
    return result


def compare(model: ondevice.Model, requests: Iterator[Request] | list[Request]) -> dict[str, Any]:
    counts = {"problems": 0, "valid without the constraint": 0, "same tokens": 0, "same text": 0}
    different = []
    for request in requests:
        counts["problems"] += 1
        free, valid = written(model, request, constrain=False)
        if not valid:
            continue
        kept, _ = written(model, request, constrain=True)
        counts["valid without the constraint"] += 1
        texts = ["".join(event.text for event in side) for side in (free, kept)]
        same = [event.id for event in free] == [event.id for event in kept]
        counts["same tokens"] += same
        counts["same text"] += texts[0] == texts[1]
        if not same:
            different.append({"free": texts[0], "constrained": texts[1]})
    return counts | {"some that differ": different[:EXAMPLES]}


def written(
    model: ondevice.Model, request: Request, *, constrain: bool
) -> tuple[list[Token], bool]:
    """Return the tokens of a greedy generation, and whether they are valid to the end."""
    events = list(model.stream(**request, constrain=constrain, check="none", max_tokens=512))
    done = events[-1]
    assert isinstance(done, Done)
    refused = any(isinstance(event, EditRejected) for event in events)
    tokens = [event for event in events if isinstance(event, Token)]
    return tokens, done.finish_reason == "complete" and not refused
