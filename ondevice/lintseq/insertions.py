"""From one state of a program to the next: the edit that inserts what is missing."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Sequence

from ondevice.edits import Edit, Hunk, Line, diff


class Insertions:
    """Makes edits between states of one program, each given by the indices of its lines."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._added = [Line("+", line) for line in lines]

    def between(self, before: list[int], after: list[int]) -> Edit:
        """Return the edit that makes ``after`` of ``before``, a part of it.

        Where there is one way to insert what is missing, it needs no search; otherwise it is the
        one that ``insertions`` finds.
        """
        missing = sorted(set(after).difference(before))
        hunks: list[Hunk] = []
        for place, group in itertools.groupby(missing, lambda line: bisect.bisect(before, line)):
            lines = list(group)
            if self._is_ambiguous(lines, before, place):
                texts = self._lines
                return insertions([texts[i] for i in before], [texts[i] for i in after])
            hunks.append(Hunk(place, tuple(self._added[i] for i in lines)))
        return Edit(tuple(hunks))

    def _is_ambiguous(self, missing: list[int], before: list[int], place: int) -> bool:
        """Return whether a neighbor of inserted lines reads like one of them.

        Only then is there another way to find ``before`` in ``after``.
        """
        texts = {self._lines[number] for number in missing}
        return (place > 0 and self._lines[before[place - 1]] in texts) or (
            place < len(before) and self._lines[before[place]] in texts
        )


def insertions(before: Sequence[str], after: Sequence[str]) -> Edit:
    """Return the edit that makes ``after`` of ``before``, of which no line is missing in it.

    It is difflib's, as in the published corpora, but for what difflib does far from the change:
    the lines that both begin and end with are left out of its search, the longer of the two ends
    first, as difflib takes the longest block first. Where difflib moves a line, which it does
    where long blocks repeat, each line is found at its first place instead.
    """
    head, tail = _ends(before, after)
    inner = diff(before[head : len(before) - tail], after[head : len(after) - tail])
    edit = Edit(tuple(Hunk(hunk.start + head, hunk.lines) for hunk in inner.hunks))
    return edit if edit.insert_only else _leftmost(before, after)


def _ends(before: Sequence[str], after: Sequence[str]) -> tuple[int, int]:
    """Return how many lines at the head and at the tail both have in common, none counted twice."""
    size = len(before)
    head = 0
    while head < size and before[head] == after[head]:
        head += 1
    tail = 0
    while tail < size and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    return (head, min(tail, size - head)) if head >= tail else (min(head, size - tail), tail)


def _leftmost(before: Sequence[str], after: Sequence[str]) -> Edit:
    hunks: list[Hunk] = []
    added: list[Line] = []
    place = 0
    for line in after:
        if place < len(before) and before[place] == line:
            if added:
                hunks.append(Hunk(place, tuple(added)))
                added = []
            place += 1
        else:
            added.append(Line("+", line))
    if added:
        hunks.append(Hunk(place, tuple(added)))
    return Edit(tuple(hunks))
