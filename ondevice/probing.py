"""What was measured of a model on this machine, kept in the user's cache folder."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ondevice.files import cache_folder, write_atomically

if TYPE_CHECKING:
    from ondevice.backends import Backend
    from ondevice.decoding import Pool


class Probes:
    """Choices for one file of weights: made once by trying, then always the same.

    Batches of another width may change the last digits of logits, and with that a program; so
    where a choice cannot be kept for the next time, none is made.
    """

    def __init__(self, weights: Path, backend: str) -> None:
        from ondevice.backends.machine import usable_cores

        self._cores = usable_cores()
        state = weights.stat()
        self._bytes = state.st_size
        name = f"{weights.resolve()} {state.st_size} {state.st_mtime_ns}"
        self._key = f"{backend} {name} {platform.machine()} {self._cores} cores"
        self._file = cache_folder() / "probes.json"

    def set_threads(self, backend: Backend) -> None:
        """Have a backend that was just opened compute with the best number of threads.

        A small model keeps to what it has: a probe would last longer than it could ever save.
        """
        from ondevice.backends.machine import MAX_THREADS, SMALL_MODEL

        most = min(self._cores, MAX_THREADS)
        candidates = sorted({1, most // 2, most - 1, most} - {0})
        if self._bytes < SMALL_MODEL or len(candidates) < 2:
            return
        known = self._read("threads")
        if known is not None:
            backend.set_threads(known)
        elif self._can_keep():
            from ondevice.decoding.probe import best_threads

            self._keep("threads", best_threads(backend, candidates))

    def width(self, pool: Pool) -> int | None:
        """Return how many samples are best decoded at once; None: as many as there is room for."""
        return self._found(f"width of {pool.backend.max_sequences}", pool.best_width)

    def together(self, pool: Pool) -> int:
        """Return how many requests are best evaluated at once: 1 where they would differ then."""
        name = f"requests together of {pool.backend.max_sequences}"
        return self._found(name, pool.independent_width) or 1

    def _found(self, name: str, probe: Callable[[], int]) -> int | None:
        known = self._read(name)
        if known is not None or not self._can_keep():
            return known
        found = probe()
        self._keep(name, found)
        return found

    def keep_speed(self, tokens_per_second: float) -> None:
        """Note how fast one sample was decoded when that was measured."""
        self._keep("tokens per second", max(1, round(tokens_per_second)))

    def speed(self) -> int | None:
        """Return the tokens per second that were measured last; None where none were."""
        return self._read("tokens per second")

    def _read(self, name: str) -> int | None:
        known = self._all().get(self._key)
        value = known.get(name) if isinstance(known, dict) else None
        return value if isinstance(value, int) and value > 0 else None

    def _all(self) -> dict[str, Any]:
        try:
            found = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _can_keep(self) -> bool:
        """Tell whether what is found can be written down."""
        return self._keep("", 0)

    def _keep(self, name: str, value: int) -> bool:
        found = self._all()
        if name:
            found.setdefault(self._key, {})[name] = value
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._file, json.dumps(found, indent=1) + "\n")
        except OSError:
            return False
        return True
