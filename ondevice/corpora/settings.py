"""What a corpus is to be made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ondevice.errors import DataError

PIECES = ("files", "functions")
DOCSTRINGS = ("summary", "whole", "none")
SHORTEST = 6
"""Tokens that a benchmark's text must have to be looked for."""


@dataclass(frozen=True)
class Settings:
    """All that decides which rows a corpus has, besides its sources."""

    pieces: tuple[str, ...] = PIECES
    tests: bool = False
    """Whether test files are taken."""
    max_size: int = 300_000
    """Bytes of the largest file that is taken."""
    max_lines: int = 60
    """Lines of the longest function or class that is taken by itself."""
    docstring: str = "summary"
    """What a function's program keeps of its docstring: the first paragraph, all, or nothing."""
    threshold: float = 0.75
    """The similarity from which on two rows are duplicates."""
    against: tuple[Path, ...] = ()
    """Benchmark files whose content is kept out."""
    against_columns: tuple[str, ...] = ()
    """Their columns to look at, where the usual ones are not meant."""
    ngram: int = 10
    """Tokens in a row that count as shared with a benchmark."""
    common: int = 5
    """Packages above which a shared run of tokens counts as boilerplate."""
    held_out: float = 0.0
    """The share of packages that is kept from training."""
    salt: str = "ondevice"
    """Decides which ones."""

    def check(self) -> None:
        """Raise ``DataError`` for what cannot be."""
        if not self.pieces or set(self.pieces) - set(PIECES):
            raise DataError(f"pieces are {' and '.join(PIECES)}, not {', '.join(self.pieces)!r}")
        if self.docstring not in DOCSTRINGS:
            raise DataError(f"docstrings are {', '.join(DOCSTRINGS)}, not {self.docstring!r}")
        if self.max_size < 1 or self.max_lines < 1 or self.common < 1:
            raise DataError("limits of size, lines and packages must be at least 1")
        if not 0 < self.threshold <= 1:
            raise DataError(f"the threshold must be above 0 and at most 1, not {self.threshold:g}")
        if self.ngram < SHORTEST:
            raise DataError(f"n-grams must have at least {SHORTEST} tokens, not {self.ngram}")
        if not 0 <= self.held_out < 1:
            raise DataError(f"the share held out must be below 1, not {self.held_out:g}")
