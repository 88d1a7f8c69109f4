"""What the checks of a request say of a text, which samples that write the same ask but once."""

from __future__ import annotations

from collections.abc import Sequence

from ondevice.checks import Check, run_checks
from ondevice.events import Finding


class Verdicts:
    """The findings of some checks, by the text that they judged."""

    def __init__(self, checks: Sequence[Check]) -> None:
        self._checks = checks
        self._known: dict[str, tuple[Finding, ...]] = {}

    def of(self, text: str) -> tuple[Finding, ...]:
        """Return what ``run_checks`` finds, or has found, in a text."""
        found = self._known.get(text)
        if found is None:
            found = self._known[text] = run_checks(self._checks, text)
        return found
