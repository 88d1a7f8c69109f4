"""The LintSeq algorithm (arXiv 2410.02749): from a program to a sequence of edits that write it.

Backwards: delete a line with everything indented below it, then every line that the linter names
in what is left, until the linter is content; again from there, until nothing is left. Read
forwards, those states are programs that grow from nothing, each free of errors, and the
differences between them are insertions only.
"""

from __future__ import annotations

import ast
import itertools
import random
import re
import warnings

from ondevice.edits import Edit, Hunk, Line, diff
from ondevice.errors import DataError
from ondevice.lintseq.linters import Linter, fast

TAB = 4
_CAPITALS = re.compile(r"[A-Z][A-Z0-9_]*")


def refactor(program: str, rng: random.Random, linter: Linter = fast) -> list[Edit]:
    r"""Return edits that, applied to an empty buffer one after another, write ``program``.

    The program's line ends must be ``\n``; its last line gets one where it has none. Raises
    ``DataError`` when the program is empty, holds a ``\r``, or the linter already objects to it,
    and ``CheckError`` when the linter could not judge.
    """
    states = reversed(shrink(program, rng, linter))
    return [insertions(before, after) for before, after in itertools.pairwise(states)]


def shrink(program: str, rng: random.Random, linter: Linter = fast) -> list[list[str]]:
    """Return the states from the whole program to the empty one, each a list of lines."""
    if not program.strip():
        raise DataError("the program is empty")
    if "\r" in program:
        raise DataError("the program holds a carriage return, which is no line end of an edit")
    if errors := linter(program):
        raise DataError(f"the linter objects to the program itself, first in line {errors[0]}")
    lines = program.removesuffix("\n").split("\n")
    states = [lines]
    while lines:
        lines = _repaired(_without_seed(lines, rng), linter)
        states.append(lines)
    return states


def insertions(before: list[str], after: list[str]) -> Edit:
    """Return the edit that makes ``after`` of ``before``, of which no line is missing in it.

    It is difflib's, as in the published corpora, unless that moves a line, which difflib does
    where long blocks repeat.
    """
    edit = diff(before, after)
    if edit.insert_only:
        return edit
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


def _without_seed(lines: list[str], rng: random.Random) -> list[str]:
    """Return the lines without a random one and its children; nothing if none may be chosen."""
    weights = _weights(lines)
    if not any(weights):
        return []
    (seed,) = rng.choices(range(len(lines)), weights)
    return _without(lines, {seed})


def _weights(lines: list[str]) -> list[int]:
    """Return how likely each line is to be deleted first.

    Deeper lines are likelier; comments, blank lines and the inside of a constant's literal never
    are.
    """
    constants = _inside_constants(lines)
    weights = []
    for number, line in enumerate(lines):
        text = line.strip()
        idle = not text or text.startswith("#") or number in constants
        weights.append(0 if idle else max(1, _indent(line) // TAB))
    return weights


def _inside_constants(lines: list[str]) -> set[int]:
    """Return which lines go on with the value of an ALL-CAPS name that an earlier line begins."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse("\n".join(lines))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()  # as without a linter: what is inside cannot be told
    inside: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [target.id for target in targets if isinstance(target, ast.Name)]
            if len(names) == len(targets) and all(map(_CAPITALS.fullmatch, names)):
                inside.update(range(node.lineno, node.end_lineno or node.lineno))
    return inside


def _repaired(lines: list[str], linter: Linter) -> list[str]:
    """Delete what the linter names until it is content."""
    while lines := _tidy(lines):
        errors = linter("\n".join(lines) + "\n")
        if not errors:
            break
        lines = _without(lines, {_blamed(lines, error) for error in errors})
    return lines


def _blamed(lines: list[str], error: int) -> int:
    """Return the index of the line that an error in line ``error`` (from 1) is about.

    Linters also name blank lines, and the line after the last; the statement before it is meant.
    """
    filled = [number for number, line in enumerate(lines) if line.strip()]
    return max((number for number in filled if number < error), default=filled[0])


def _without(lines: list[str], doomed: set[int]) -> list[str]:
    """Return the lines without the doomed ones and the lines indented below each."""
    kept: list[str] = []
    blanks: list[str] = []
    depth: int | None = None
    for number, line in enumerate(lines):
        if not line.strip():
            # Whether a blank line belongs to the deleted block shows only at the next line.
            blanks.append(line)
            continue
        if depth is not None and _indent(line) > depth:
            blanks.clear()
            continue
        depth = _indent(line) if number in doomed else None
        kept += blanks
        blanks.clear()
        if depth is None:
            kept.append(line)
    return kept + blanks


def _tidy(lines: list[str]) -> list[str]:
    """Drop the blank lines that a deletion leaves behind: at both ends, and beyond two in a row.

    Nothing is changed or moved, so that the way back stays an insertion.
    """
    kept: list[str] = []
    for line in lines:
        if line.strip() or (kept and any(before.strip() for before in kept[-2:])):
            kept.append(line)
    while kept and not kept[-1].strip():
        kept.pop()
    return kept


def _indent(line: str) -> int:
    expanded = line.expandtabs(TAB)
    return len(expanded) - len(expanded.lstrip())
