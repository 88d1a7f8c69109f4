"""The states of one program, judged: what else must go when a line is deleted.

The linter ``fast`` answers from what each line needs (``needs``), found once a program; any other
linter is asked about each state until it is content.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from typing import Protocol

from ondevice import checks
from ondevice.errors import CheckError, DataError
from ondevice.events import Finding
from ondevice.lintseq.linters import Linter, fast, findings
from ondevice.lintseq.needs import Graph, Layout


class Judge(Protocol):
    """Knows what the states of one program must lose."""

    @property
    def tree(self) -> ast.Module | None:
        """The whole program, None where it does not parse."""

    def delete(self, lines: Iterable[int], there: bytearray) -> None:
        """Delete lines, with those below them, and all that then is in error.

        ``there`` says for each line whether it is there, and is changed.
        """


def judge(program: str, layout: Layout, linter: Linter, *, flawed: bool) -> Judge:
    """Return the judge of a program.

    Raises ``DataError`` when the linter objects to the program itself, unless ``flawed`` lets that
    pass (what does not parse is never let pass by ``fast``), and ``CheckError`` when it could not
    judge.
    """
    if linter is fast:
        return FastJudge(program, layout, flawed=flawed)
    return AskingJudge(program, layout, linter, flawed=flawed)


class FastJudge:
    """Follows the needs of lines."""

    def __init__(self, program: str, layout: Layout, *, flawed: bool) -> None:
        tree = checks.parsed(program)
        if isinstance(tree, Finding):
            raise _refusal(tree.line)
        self.tree = tree
        try:
            self._graph = Graph(layout, tree)
        except (RecursionError, MemoryError) as error:
            raise CheckError("the program is nested too deeply to be judged") from error
        if flawed:
            return
        if self._graph.undefined:
            raise _refusal(self._graph.undefined[0][0] + 1)
        # Pyflakes takes as long as all the rest, so it is asked only when it may find something.
        if self._graph.doubtful and (errors := checks.names(program)):
            raise _refusal(errors[0].line)

    def delete(self, lines: Iterable[int], there: bytearray) -> None:
        """Delete lines and all that then lacks what it needs."""
        self._graph.delete(lines, there)


class AskingJudge:
    """Asks a linter about each state, and deletes what it names until it is content."""

    def __init__(self, program: str, layout: Layout, linter: Linter, *, flawed: bool) -> None:
        self._layout = layout
        self._linter = linter
        own = findings(linter, program)
        if own and not flawed:
            raise _refusal(own[0].line)
        whole = list(range(len(layout.lines)))
        self._own = {_identity(finding, whole) for finding in own}
        self.tree = checks.tree_of(program)

    def delete(self, lines: Iterable[int], there: bytearray) -> None:
        """Delete lines and, state by state, all that the linter names."""
        doomed = set(lines)
        while doomed:
            for line in doomed:
                for below in range(line, self._layout.ends[line]):
                    there[below] = 0
            state = [line for line in range(len(there)) if there[line]]
            filled = [line for line in state if self._layout.filled[line]]
            if not filled:
                break
            text = "".join(f"{self._layout.lines[line]}\n" for line in state)
            doomed = {
                self._blamed(finding.line, state, filled)
                for finding in findings(self._linter, text)
                if _identity(finding, state) not in self._own
            }

    def _blamed(self, number: int, state: list[int], filled: list[int]) -> int:
        """Return the line that an error in line ``number`` (from 1) of a state is about.

        Linters also name blank lines, and the line after the last; the statement before it is
        meant.
        """
        place = state[min(max(number, 1), len(state)) - 1]
        return max((line for line in filled if line <= place), default=filled[0])


def _refusal(line: int) -> DataError:
    return DataError(f"the linter objects to the program itself, first in line {line}")


def _identity(finding: Finding, state: list[int]) -> tuple[int, str, str]:
    """Return what makes a finding the same in two states: its line and its text."""
    place = state[min(max(finding.line, 1), len(state)) - 1] if state else 0
    # Some messages name another line by a number, which differs from state to state.
    return place, finding.check, re.sub(r"\d+", "", finding.message)
