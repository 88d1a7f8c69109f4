"""Which texts have been seen before, exactly or nearly.

Exactly: the same after white space is made equal. Nearly: the Jaccard similarity of the sets of
shingles (runs of tokens), as MinHash estimates it, reaches a threshold; candidates come from
locality-sensitive hashing. The first text of a kind is kept, so the order of texts decides which.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from ondevice.errors import DependencyError

SHINGLE = 7
PERMUTATIONS = 128
_CANDIDATES = 0.95
"""The highest similarity at which candidates are looked up; the index knows none near 1."""
_TOKEN = re.compile(r"\w+|[^\w\s]")


class Duplicates:
    """Remembers texts, each under a key, in one index for each kind.

    Raises ``DependencyError`` where datasketch is not installed.
    """

    def __init__(self, threshold: float) -> None:
        try:
            import datasketch
        except ImportError as error:
            raise DependencyError(
                "finding near duplicates needs datasketch: pip install 'ondevice[corpus]'"
            ) from error
        self._datasketch = datasketch
        self._threshold = threshold
        self._exact: dict[tuple[str, bytes], str] = {}
        self._near: dict[str, Any] = {}
        self._sketches: dict[str, Any] = {}

    def seen(self, kind: str, key: str, text: str) -> tuple[str, str] | None:
        """Return how ("exact" or "near") and what a text repeats; remember it if nothing."""
        digest = hashlib.blake2b(" ".join(text.split()).encode(), digest_size=16).digest()
        if (kind, digest) in self._exact:
            return "exact", self._exact[kind, digest]
        sketch = self._sketch(text)
        index = self._near.get(kind)
        if index is None:
            index = self._near[kind] = self._datasketch.MinHashLSH(
                threshold=min(self._threshold, _CANDIDATES), num_perm=PERMUTATIONS
            )
        alike = [
            (sketch.jaccard(self._sketches[other]), other) for other in sorted(index.query(sketch))
        ]
        best = max(alike, default=(0.0, ""), key=lambda pair: pair[0])
        if best[0] >= self._threshold:
            return "near", best[1]
        self._exact[kind, digest] = key
        self._sketches[key] = sketch
        index.insert(key, sketch)
        return None

    def _sketch(self, text: str) -> Any:
        tokens = _TOKEN.findall(text)
        shingles = {
            " ".join(tokens[start : start + SHINGLE]).encode()
            for start in range(max(1, len(tokens) - SHINGLE + 1))
        }
        sketch = self._datasketch.MinHash(num_perm=PERMUTATIONS, seed=1)
        sketch.update_batch(sorted(shingles))
        return sketch
