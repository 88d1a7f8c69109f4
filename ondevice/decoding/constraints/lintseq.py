"""What may come next in the LintSeq dialect, given the buffer: only hunks that apply to it.

A grammar is made for each hunk. Its header may name any position at or after the end of the hunk
before, and the new start follows from it. Lines are only added.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ondevice.decoding.constraints.base import Lengths
from ondevice.decoding.constraints.hunks import HunkConstraint
from ondevice.decoding.constraints.matcher import Matcher, Matchers
from ondevice.decoding.constraints.pieces import added_line, one_of, quoted
from ondevice.edits import LINTSEQ, format_range
from ondevice.edits.header import CLOSING, MIDDLE, OPENING

MAX_HUNK_LINES = 100
"""Lines that one hunk may add; the cost of making a grammar grows with it (about 25 us a line)."""

_COUNTS = range(2, MAX_HUNK_LINES + 1)  # a count of 1 is left out
_END = f"{CLOSING}\n"
_SEPARATOR = LINTSEQ.reader_class.separator


class LintSeqConstraint(HunkConstraint):
    """The constraint of the LintSeq dialect, on top of a backend's constraint tokenizer.

    A sequence may end with the empty edit, or with an end-of-text token in its place, as soon as
    the buffer is not empty.

    With ``lengths`` ``"announced"``, exactly as many lines come as the header says. With
    ``"written"``, a hunk may end after any line, up to ``MAX_HUNK_LINES``, whatever its header
    says, and ``mending`` tells what the header should be.
    """

    def __init__(
        self,
        tokenizer: Any | Matchers,
        vocabulary: int,
        end_tokens: frozenset[int],
        *,
        lengths: Lengths = "announced",
    ) -> None:
        super().__init__(tokenizer, vocabulary, end_tokens)
        self._lengths: Lengths = lengths

    def _opening(self) -> Matcher:
        before = rf'"\n" {_SEPARATOR} | ' if self._buffer.lines else ""
        return self._matcher(before, 0, 0)

    def _further(self) -> Matcher:
        return self._matcher(f"{_SEPARATOR} | ", self._row_after(), self._growth_after())

    def _may_end_text(self) -> bool:
        return not self._progress.tokens and bool(self._buffer.lines)

    def _matcher(self, before: str, first: int, growth: int) -> Matcher:
        last = len(self._buffer.lines)
        grammar = lintseq_grammar(before, first, last, growth, self._lengths)
        return self._matchers.make(grammar)


def lintseq_grammar(before: str, first: int, last: int, growth: int, lengths: Lengths) -> str:
    """Return a Lark grammar of one insertion at a row from ``first`` to ``last``.

    ``before`` holds alternatives to the hunk, each ended by ``|``; the hunks before it have added
    ``growth`` lines.
    """
    if first > last:
        return f"start: {before.rstrip(' |')}"
    positions = (
        f"{format_range(row, 0)}{MIDDLE}{row + growth + 1}".replace("+", r"\+")
        for row in range(first, last + 1)
    )
    return "\n".join(
        [
            f"start: {before}hunk",
            f"hunk: {quoted(OPENING)} POSITION body",
            f"POSITION: {one_of(positions)}",
            *(_announced_body() if lengths == "announced" else _written_body()),
            f"line: {added_line()}",
        ]
    )


def _announced_body() -> Iterator[str]:
    counts = (f"{quoted(f',{count}{_END}')} line{{{count}}}" for count in _COUNTS)
    yield f"body: {' | '.join([f'{quoted(_END)} line', *counts])}"


def _written_body() -> Iterator[str]:
    yield f"body: COUNT? {quoted(_END)} line{{1,{MAX_HUNK_LINES}}}"
    yield f"COUNT: {one_of(f',{count}' for count in _COUNTS)}"
