"""Counting what a sample costs while it is decoded."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from ondevice.events import Stats


@dataclass
class Tally:
    """Running counts of one sample; the clock starts when it is made."""

    prompt_tokens: int
    tokens: int = 0
    forced: int = 0
    masked: int = 0
    edits: int = 0
    hunks: int = 0
    rejected: int = 0
    withdrawn: int = 0
    compactions: int = 0
    mended: int = 0
    started: float = field(default_factory=time.perf_counter)
    first_token: float | None = None
    first_hunk: float | None = None

    def count(self, tokens: int, *, forced: bool) -> None:
        """Count tokens that are about to be evaluated together."""
        self.tokens += tokens
        self.forced += tokens if forced else 0
        if self.first_token is None:
            self.first_token = self._elapsed()

    def hunk_applied(self) -> None:
        """Count a hunk that is whole and fits."""
        self.hunks += 1
        if self.first_hunk is None:
            self.first_hunk = self._elapsed()

    def stats(self, position: int) -> Stats:
        """Return the counts as they stand, for a sample that ends at ``position`` tokens."""
        return Stats(
            prompt_tokens=self.prompt_tokens,
            tokens=self.tokens,
            kept_tokens=position - self.prompt_tokens,
            forced_tokens=self.forced,
            masked_tokens=self.masked,
            edits=self.edits,
            hunks=self.hunks,
            rejected_edits=self.rejected,
            withdrawn_edits=self.withdrawn,
            compactions=self.compactions,
            mended_hunks=self.mended,
            seconds=self._elapsed(),
            first_token_seconds=self.first_token,
            first_hunk_seconds=self.first_hunk,
        )

    def _elapsed(self) -> float:
        return time.perf_counter() - self.started
