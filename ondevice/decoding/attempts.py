"""What was tried from one checkpoint and refused, and which of it was least wrong."""

from __future__ import annotations

from ondevice.events import Finding


class Attempts:
    """The refused edits of one place, in order."""

    def __init__(self) -> None:
        self._tried: list[tuple[list[int] | None, tuple[Finding, ...]]] = []

    def __len__(self) -> int:
        return len(self._tried)

    def add(self, tokens: list[int] | None, findings: tuple[Finding, ...]) -> None:
        """Remember an edit's tokens, None where it does not apply, and what is wrong with it."""
        self._tried.append((tokens, findings))

    def best(self) -> list[int] | None:
        """Return the tokens of the edit with the fewest findings, the first of several."""
        applying = [(len(findings), tokens) for tokens, findings in self._tried if tokens]
        return min(applying, key=lambda pair: pair[0])[1] if applying else None
