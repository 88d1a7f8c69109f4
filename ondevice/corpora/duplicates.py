"""Which texts have been seen before, exactly or nearly.

Exact duplicates are equal once blank lines and white space at the ends of lines are gone. Near
ones share so many runs of tokens (shingles; comments do not count) that the Jaccard similarity, as
MinHash estimates it, reaches the threshold. Only texts of one kind are compared. Of duplicates the
first is kept, and rows come in this order: the training part before the held-out one, the standard
library before packages and these before trees, then by name, version, path and line.
"""

from __future__ import annotations

import hashlib
from typing import Any

from ondevice.corpora.tokens import run_hashes
from ondevice.errors import DependencyError

SHINGLE = 5
PERMUTATIONS = 128
_AT_ONCE = 16_384
"""Shingles hashed in one go, since each takes memory for every permutation."""
_WEIGHTS = (0.1, 0.9)
"""What a missed candidate costs against one too many, which is looked at and let go."""


class Duplicates:
    """Remembers signatures of texts, not the texts.

    Raises ``DependencyError`` where datasketch is not installed.
    """

    def __init__(self, threshold: float) -> None:
        try:
            import datasketch
        except ImportError as error:
            raise DependencyError(
                "finding near duplicates needs datasketch: pip install 'ondevice[corpus]'"
            ) from error
        self._threshold = threshold
        self._library: Any = datasketch
        self._empty = self._library.MinHash(num_perm=PERMUTATIONS, seed=1, hashfunc=_itself)
        self._exact: set[bytes] = set()
        self._indexes: dict[str, Any] = {}
        self._signatures: list[Any] = []

    @property
    def parameters(self) -> dict[str, Any]:
        """What decides which texts are near duplicates."""
        index = self._new_index()
        return {
            "shingle_tokens": SHINGLE,
            "permutations": PERMUTATIONS,
            "bands": index.b,
            "rows_per_band": index.r,
            "threshold": self._threshold,
            "seed": 1,
        }

    def seen(self, kind: str, text: str, tokens: list[str]) -> str:
        """Return whether a text is an "exact" or "near" duplicate; remember it if it is none ("").

        ``tokens`` are those of the text without its comments.
        """
        digest = _digest(kind, text)
        if digest in self._exact:
            return "exact"
        self._exact.add(digest)
        sketch = self._sketch(tokens)
        index = self._indexes.get(kind)
        if index is None:
            index = self._indexes[kind] = self._new_index()
        for key in index.query(sketch):
            same = (self._signatures[key] == sketch.hashvalues).sum()
            if same >= self._threshold * PERMUTATIONS:
                return "near"
        index.insert(len(self._signatures), sketch)
        self._signatures.append(sketch.hashvalues)
        return ""

    def _new_index(self) -> Any:
        return self._library.MinHashLSH(
            threshold=self._threshold, num_perm=PERMUTATIONS, weights=_WEIGHTS
        )

    def _sketch(self, tokens: list[str]) -> Any:
        length = max(1, min(SHINGLE, len(tokens)))
        shingles = (run_hashes(tokens, length) >> 32).tolist()
        sketch = self._empty.copy()
        for start in range(0, len(shingles), _AT_ONCE):
            sketch.update_batch(shingles[start : start + _AT_ONCE])
        return sketch


def _digest(kind: str, text: str) -> bytes:
    lines = (line.rstrip() for line in text.split("\n"))
    normal = "\n".join(line for line in lines if line)
    return hashlib.blake2b(f"{kind}\n{normal}".encode(), digest_size=16).digest()


def _itself(value: int) -> int:
    """Let MinHash take shingles that are hashed already."""
    return value
