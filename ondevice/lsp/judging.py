"""Checks of a program that stands in a document: they judge the document, and only what is new."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from ondevice.checks import Check, beyond, run_checks
from ondevice.events import Finding


class DocumentCheck:
    """Judges the document that a program makes.

    ``place`` gives it, ``checks`` judge it, and what they object to with ``source`` as the program
    already is no finding; with ``begun``, it still is if it is about the end of the source, which
    may lack what is to come. Lines count within the document.
    """

    __name__ = "document"

    def __init__(
        self,
        checks: Sequence[Check],
        source: str,
        place: Callable[[str], str] = str,
        *,
        begun: bool = False,
    ) -> None:
        self._checks = checks
        self._place = place
        end = place(source).rstrip().count("\n") + 1 if begun else math.inf
        self._known = [known for known in self._judge(source) if known.line < end]

    def __call__(self, text: str) -> list[Finding]:
        """Return what is wrong with the document, and was not before."""
        return list(beyond(self._judge(text), self._known))

    def _judge(self, text: str) -> tuple[Finding, ...]:
        return run_checks(self._checks, self._place(text))
