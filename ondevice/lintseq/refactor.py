"""The LintSeq algorithm (arXiv 2410.02749): from a program to a sequence of edits that write it.

Backwards: delete a line with everything indented below it, then every line that the linter names
in what is left, until the linter is content; again from there, until nothing is left. Read
forwards, those states are programs that grow from nothing, each free of errors, and the
differences between them are insertions only.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

from ondevice.edits import Edit
from ondevice.errors import DataError
from ondevice.lintseq.insertions import Insertions
from ondevice.lintseq.linters import Linter, fast
from ondevice.lintseq.needs import Layout
from ondevice.lintseq.seeds import weights
from ondevice.lintseq.states import judge


def refactor(program: str, rng: random.Random, linter: Linter = fast) -> list[Edit]:
    r"""Return edits that, applied to an empty buffer one after another, write ``program``.

    As ``Refactoring(program, linter).edits(rng)``, which is faster for several paths.
    """
    return Refactoring(program, linter).edits(rng)


def shrink(program: str, rng: random.Random, linter: Linter = fast) -> list[list[str]]:
    """Return the states from the whole program to the empty one, each a list of lines."""
    refactoring = Refactoring(program, linter)
    lines = refactoring.lines
    return [[lines[number] for number in state] for state in refactoring.states(rng)]


class Refactoring:
    r"""A program that is ready to be taken apart, along as many paths as wanted.

    The program's line ends must be ``\n``; its last line gets one where it has none. With
    ``flawed``, what the linter says of the finished program is let pass in every state; without
    it, such a program is refused.

    Raises ``DataError`` when the program is empty, holds a ``\r``, or is refused, and
    ``CheckError`` when the linter could not judge.
    """

    def __init__(self, program: str, linter: Linter = fast, *, flawed: bool = False) -> None:
        if not program.strip():
            raise DataError("the program is empty")
        if "\r" in program:
            raise DataError("the program holds a carriage return, which is no line end of an edit")
        self.lines = program.removesuffix("\n").split("\n")
        self._layout = Layout(self.lines)
        self._judge = judge(program, self._layout, linter, flawed=flawed)
        self._weights = weights(self._layout, self._judge.tree)
        self._insertions = Insertions(self.lines)

    def edits(self, rng: random.Random) -> list[Edit]:
        """Return the edits of one path, which depends on the random numbers alone."""
        steps = itertools.pairwise(self.states(rng))
        return [self._insertions.between(before, after) for after, before in steps][::-1]

    def states(self, rng: random.Random) -> Iterator[list[int]]:
        """Yield the states of one path, from the whole program to the empty one.

        A state is the list of the indices of its lines.
        """
        there = bytearray(b"\1") * len(self.lines)
        state = list(range(len(self.lines)))
        yield state
        while state:
            chances = list(itertools.compress(self._weights, there))
            if any(chances):
                (seed,) = rng.choices(state, chances)
                self._judge.delete([seed], there)
            else:  # only comments and the like are left
                there = bytearray(len(there))
            state = self._tidied(there)
            yield state

    def _tidied(self, there: bytearray) -> list[int]:
        """Drop the blank lines that a deletion leaves: at both ends, and beyond two in a row.

        Nothing is changed or moved, so that the way back stays an insertion.
        """
        state = list(itertools.compress(range(len(there)), there))
        filled = bytes(itertools.compress(self._layout.filled, there))
        first = len(filled) - len(filled.lstrip(b"\0"))
        last = len(filled.rstrip(b"\0"))
        superfluous = [*range(min(first, last)), *range(last, len(filled))]
        place = filled.find(b"\0\0\0", first, last)
        while place >= 0:
            superfluous.append(place + 2)
            place = filled.find(b"\0\0\0", place + 1, last)
        if not superfluous:
            return state
        for place in superfluous:
            there[state[place]] = 0
        return list(itertools.compress(range(len(there)), there))
