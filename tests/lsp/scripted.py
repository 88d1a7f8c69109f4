"""``python -m tests.lsp.scripted SCRIPTS DELAY``: the language server on a backend without weights.

SCRIPTS is a JSON list of what the model may write, the likeliest first; DELAY the seconds that each
step takes. Every step is a line on stderr.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

import ondevice
from ondevice.backends.base import Logits
from ondevice.backends.scripted import DIFF_TOKEN, END_TOKEN, LogitsFunction, ScriptedBackend
from ondevice.cli import main


def follow(scripts: Sequence[str]) -> LogitsFunction:
    """Return the logits of a LintSeq model that writes one of ``scripts``, whatever the prompt."""
    texts = [ScriptedBackend("").tokenize(script) for script in scripts]

    def logits(tokens: Sequence[int]) -> NDArray[np.float32]:
        made = np.zeros(DIFF_TOKEN + 1, dtype=np.float32)
        made[END_TOKEN] = 1
        ends = [place + 1 for place, token in enumerate(tokens) if token == DIFF_TOKEN]
        # What has been written begins after the prompt, or after the edit that made the source.
        for written in (list(tokens[end:]) for end in ends[:2]):
            fitting = [
                text
                for text in texts
                if written == text[: len(written)] and len(text) > len(written)
            ]
            for likelihood, text in enumerate(reversed(fitting), 10):
                made[text[len(written)]] = likelihood
            if fitting:
                break
        return made

    return logits


class SlowBackend(ScriptedBackend):
    """Takes its time for every step, and tells of it."""

    delay = 0.0

    def evaluate(self, batch: Sequence[tuple[int, list[int]]]) -> Logits:
        time.sleep(self.delay)
        print("step", file=sys.stderr, flush=True)
        return super().evaluate(batch)


if __name__ == "__main__":
    scripts, delay = json.loads(sys.argv[1]), float(sys.argv[2])

    def load(model: str | None = None, **options: object) -> ondevice.Model:
        backend = SlowBackend(follow(scripts), max_sequences=4)
        backend.delay = delay
        return ondevice.Model(backend, name="scripted")

    ondevice.load = load  # type: ignore[assignment]
    sys.exit(main(["lsp", *sys.argv[3:]]))
