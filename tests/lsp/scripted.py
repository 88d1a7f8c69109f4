"""``python -m tests.lsp.scripted SCRIPTS DELAY``: the language server on a backend without weights.

SCRIPTS is a JSON list of what the backend writes, one after each truncation; DELAY the seconds that
each step takes. Every step is a line on stderr.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence

import ondevice
from ondevice.backends.base import Logits
from ondevice.backends.scripted import ScriptedBackend
from ondevice.cli import main


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
        backend = SlowBackend(scripts, max_sequences=4)
        backend.delay = delay
        return ondevice.Model(backend, name="scripted")

    ondevice.load = load  # type: ignore[assignment]
    sys.exit(main(["lsp", *sys.argv[3:]]))
