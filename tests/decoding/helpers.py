"""Engines on a scripted backend, and following their events."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ondevice.backends import Backend
from ondevice.backends.scripted import DIFF_TOKEN, END_TOKEN, LogitsFunction, ScriptedBackend
from ondevice.decoding import Engine, Pool, Request, Sampling
from ondevice.edits import Buffer
from ondevice.events import Done, Event, Finding, Token

PROMPT = [ord("p"), 10, DIFF_TOKEN]
END = "<|diff|>\n<|diff|>"

FIRST = "@@ -0,0 +1,2 @@\n+a = 1\n+b = 2\n<|diff|>"
SECOND = "@@ -1,0 +2 @@\n+c = 3\n@@ -2,0 +4 @@\n+d = 4\n<|diff|>"
BAD = "@@ -1,0 +2 @@\n+bad = 3\n<|diff|>"
STOP = "\n<|diff|>"
BOTH = "a = 1\nc = 3\nb = 2\nd = 4\n"


def decode(
    backend: Backend, buffer: Buffer | None = None, *, temperature: float = 0.0, **options: Any
) -> list[Event]:
    """Run an engine to its end."""
    sampling = options.pop("sampling", Sampling(temperature))
    request = Request(PROMPT, sampling=sampling, **options)
    return list(Engine(Pool(backend), request, Buffer() if buffer is None else buffer).run())


def script(*texts: str, **options: Any) -> ScriptedBackend:
    return ScriptedBackend(list(texts), **options)


def replay(events: Iterable[Event], lines: Sequence[str] = ()) -> str:
    """Follow the JSON form alone to the program, as a client of the server would."""
    versions = [list(lines)]
    growing = list(lines)
    for event in (json.loads(json.dumps(event.to_json())) for event in events):
        if event["type"] == "hunk_applied":
            row, removed = event["row"], event["removed"]
            assert growing[row : row + len(removed)] == removed
            growing[row : row + len(removed)] = event["added"]
        elif event["type"] == "edit_accepted":
            versions.append(list(growing))
        elif event["type"] == "edit_withdrawn":
            del versions[event["edit"] :]
            growing = list(versions[-1])
        elif event["type"] == "edit_rejected":
            growing = list(versions[-1])
    return "".join(f"{line}\n" for line in versions[-1])


def done(events: Sequence[Event]) -> Done:
    assert isinstance(events[-1], Done)
    assert not any(isinstance(event, Done) for event in events[:-1])
    return events[-1]


def of(kind: type, events: Iterable[Event]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def noise(seed: int) -> LogitsFunction:
    """Random logits, the same for the same tokens, of a model that likes line ends and edits."""
    bonus = np.zeros(258, dtype=np.float32)
    bonus[10], bonus[32], bonus[DIFF_TOKEN], bonus[END_TOKEN] = 7, 5, 4, 1
    opening = np.zeros(258, dtype=np.float32)
    opening[10], opening[END_TOKEN], opening[ord("@")] = -6, -2, 8
    table = np.random.default_rng(seed).normal(0, 2, (64, 258)).astype(np.float32) + bonus

    def logits(tokens: Sequence[int]) -> NDArray[np.float32]:
        digest = hashlib.blake2b(bytes(token % 256 for token in tokens[-40:]), digest_size=1)
        row: NDArray[np.float32] = table[digest.digest()[0] % 64]
        return np.asarray(row + opening) if tokens[-1] == DIFF_TOKEN else row

    return logits


def forbid(word: str) -> Callable[[str], list[Finding]]:
    """A check that objects to a word."""

    def forbidden(text: str) -> list[Finding]:
        return [
            Finding("forbidden", number, word)
            for number, line in enumerate(text.splitlines(), 1)
            if word in line
        ]

    return forbidden


def tokens_of(events: Sequence[Event]) -> list[int]:
    return [event.id for event in of(Token, events)]
