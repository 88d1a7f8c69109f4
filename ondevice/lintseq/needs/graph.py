"""All needs of a program, and what goes when some of its lines go.

A program is analyzed once; each of its states is then found by following needs from what was
deleted, so that a whole path costs about as much as the program has needs, however many edits it
comes in.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from ondevice import checks
from ondevice.lintseq.needs.conditions import Condition, holds, lines_of
from ondevice.lintseq.needs.layout import Layout
from ondevice.lintseq.needs.members import MemberNeeds
from ondevice.lintseq.needs.names import NameNeeds
from ondevice.lintseq.needs.structure import Structure
from ondevice.lintseq.needs.walk import Names


class Graph:
    """What each line of a program needs.

    ``undefined`` holds (line from 0, name) for every name that nothing binds; the program is
    ``doubtful`` when a name may be used before it is bound. Raises ``SyntaxError``,
    ``ValueError``, ``RecursionError`` or ``MemoryError`` for what Python cannot parse.
    """

    def __init__(self, layout: Layout, tree: ast.Module) -> None:
        self._layout = layout
        self._needs: list[tuple[int, Condition]] = []
        self._dependents: list[list[int]] = [[] for _ in layout.lines]
        self._known: set[tuple[int, Condition]] = set()
        structure = Structure(layout, self._need)
        structure.walk(tree.body)
        self._headers = structure.headers
        self._spans = structure.spans
        self._span_of: dict[int, list[int]] = {}
        for first, last in structure.spans.items():
            for line in range(first + 1, last + 1):
                self._span_of.setdefault(line, []).append(first)
        for line, text in enumerate(layout.lines[:-1]):
            if text.endswith("\\"):
                self._need(line, line + 1)
            if text.strip() == "\\":  # the next line has its indentation from here
                self._need(line + 1, line)
        names = Names(tree)
        there = bytearray(b"\1") * len(layout.lines)
        needs = NameNeeds(names, self._need, there)
        self.undefined, self.doubtful = needs.undefined, needs.doubtful
        MemberNeeds(names, self._need)

    def _need(self, line: int, condition: Condition) -> None:
        if condition == line or (line, condition) in self._known:
            return
        self._known.add((line, condition))
        number = len(self._needs)
        self._needs.append((line, condition))
        for other in set(lines_of(condition)):
            self._dependents[other].append(number)

    def delete(self, lines: Iterable[int], there: bytearray) -> None:
        """Delete lines, with those below them, and all that then lacks what it needs.

        ``there`` says for each line whether it is there, and is changed.
        """
        doomed = list(lines)
        while doomed:
            gone = self._cascade(doomed, there)
            doomed = self._broken(gone, there)

    def _cascade(self, doomed: list[int], there: bytearray) -> list[int]:
        """Delete lines and whatever needs them; return what went."""
        gone: list[int] = []
        while doomed:
            line = doomed.pop()
            if not there[line]:
                continue
            for below in range(line, self._layout.ends[line]):
                if there[below]:
                    there[below] = 0
                    gone.append(below)
                    for number in self._dependents[below]:
                        needing, condition = self._needs[number]
                        if there[needing] and not holds(condition, there):
                            doomed.append(needing)
        return gone

    def _broken(self, gone: list[int], there: bytearray) -> list[int]:
        """Return the lines to blame in statements of which a part went and the rest is none."""
        firsts = {first for line in gone for first in self._span_of.get(line, ()) if there[first]}
        return [line for first in sorted(firsts) for line in self._blamed(first, there)]

    def _blamed(self, first: int, there: bytearray) -> list[int]:
        lines = [line for line in range(first, self._spans[first] + 1) if there[line]]
        text = "\n".join(self._layout.lines[line] for line in lines)
        error = _syntax_error(text.lstrip(), first in self._headers)
        if error is None:
            return []
        return [lines[min(max(error, 1), len(lines)) - 1]]


def _syntax_error(text: str, header: bool) -> int | None:
    """Return the line (from 1) of the syntax error in a statement, None if it is right."""
    before = ""
    if text.startswith("elif"):
        text = text[2:]
    elif text.startswith("except"):
        before = "try: pass\n"
    elif header and text.startswith("case"):
        before, text = "match x:\n", f" {text}"
    elif text.startswith("@"):
        text += "\nclass x: pass"
    if header:
        text += "\n   pass" if before.startswith("match") else "\n pass"
    try:
        with checks.quietly():
            ast.parse(before + text)
    except SyntaxError as error:
        return (error.lineno or 1) - before.count("\n")
    except (ValueError, RecursionError, MemoryError):
        return 1
    return None
