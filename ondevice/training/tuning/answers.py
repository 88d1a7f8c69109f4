"""From a program to what a model is to write: a path of edits, or the whole as one edit."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from ondevice import lintseq
from ondevice.edits import LINTSEQ, Buffer, Edit, diff
from ondevice.lintseq import linters
from ondevice.training.recipe import DataSettings

_KEPT = 8192
"""Analyzed programs that are kept in memory."""


@dataclass(frozen=True, slots=True)
class Example:
    """An instruction and the text that answers it.

    ``given`` is the beginning of the answer that is shown and not learned: a program to go on from,
    as one edit with its separator.
    """

    instruction: str
    answer: str
    given: str = ""


class Answers:
    """Writes programs in the dialect, along paths that the random numbers choose."""

    def __init__(self, settings: DataSettings) -> None:
        linter = linters.get(settings.linter)
        self._settings = settings
        self._refactoring = lru_cache(_KEPT)(lambda text: lintseq.Refactoring(text, linter))

    def answer(self, instruction: str, program: str, rng: random.Random) -> Example:
        """Return an example whose answer writes ``program``.

        Raises ``DataError`` for a program that the linter objects to.
        """
        edits = self._edits(program, rng)
        if len(edits) > 1 and rng.random() < self._settings.continued:
            return _continued(instruction, edits, rng.randrange(1, len(edits)))
        return Example(instruction, LINTSEQ.write_sequence(edits))

    def change(self, instruction: str, before: str, after: str) -> Example:
        """Return an example in which a given program becomes another by one edit.

        The edit must be an insertion, or the dialect has no form for it in training.
        """
        buffer = Buffer.from_text(before)
        edit = diff(buffer, Buffer.from_text(after), context=0)
        return Example(instruction, LINTSEQ.write_sequence([edit]), LINTSEQ.write_history(buffer))

    def _edits(self, program: str, rng: random.Random) -> list[Edit]:
        if self._settings.answers == "whole":
            return [diff(Buffer(), Buffer.from_text(program), context=0)]
        if not self._settings.fresh:
            rng = random.Random(program)
        refactoring = self._refactoring(program)
        paths = [refactoring.edits(rng) for _ in range(self._settings.drawn)]
        return min(paths, key=_simplicity)


def _continued(instruction: str, edits: Sequence[Edit], place: int) -> Example:
    """Return an example that goes on after the first ``place`` edits."""
    buffer = Buffer()
    LINTSEQ.read(LINTSEQ.write_sequence(edits[:place]), buffer)
    answer = LINTSEQ.write_sequence(edits[place:])
    return Example(instruction, answer, LINTSEQ.write_history(buffer))


def _simplicity(edits: Sequence[Edit]) -> tuple[bool, int, int]:
    """Order paths from the simplest on: few hunks are short to write, and few lines to count."""
    hunks = sum(len(edit.hunks) for edit in edits)
    return len(edits) == 1, hunks, len(edits)
