"""Continuations that a check refused, made less likely when the branch comes by again."""

from __future__ import annotations

from ondevice.backends.base import Logits

PENALTY = 2.0
"""Taken from the logit of each token of a refused continuation, once for every refusal: enough to
turn a close decision at once, and a clear one only after several."""


class Refusals:
    """The refused continuations of one checkpoint."""

    def __init__(self) -> None:
        self._refused: list[list[int]] = []

    def __len__(self) -> int:
        return len(self._refused)

    def add(self, tokens: list[int]) -> None:
        """Remember the tokens from the checkpoint to the end of the refused edit."""
        self._refused.append(list(tokens))

    def penalize(self, logits: Logits, written: list[int]) -> Logits:
        """Return the logits with the penalties for what would repeat a refused continuation.

        ``written`` are the tokens since the checkpoint; ``logits`` are left as they are.
        """
        if not self._refused:
            return logits
        depth = len(written)
        repeated = [
            tokens[depth]
            for tokens in self._refused
            if len(tokens) > depth and tokens[:depth] == written
        ]
        if not repeated:
            return logits
        logits = logits.copy()
        for token in repeated:
            logits[token] -= PENALTY
        return logits
