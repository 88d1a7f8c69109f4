r"""What may come next in a unified diff of one file, given the file: only what applies to it.

The two lines that name the file come first, then hunks in the order of the file. A header may
name any line after the hunk before; its new start follows from that. Context and removed lines
are those of the file. Any number of lines may be added, and a hunk may end after any line that
leaves it whole, whatever its header says: a general model counts badly, and one that was held to
its counts would have to add lines that it does not want, or to leave out some that it does. A
wrong header is mended afterwards instead, at no loss (``Constraint.mending``).

``git apply`` and ``patch``, without options, ask of a hunk that

* it has old lines, except in an empty file;
* context lines follow its last change, at least one, and no fewer than come before its first
  change; unless it reaches the end of the file.

The second they need to tell a hunk at the end of the file from any other. Both are kept here, and
so is ``\ No newline at end of file``: it comes after the last line of a file that lacks the
newline, and may come after a line added at the end of such a file. A file that has a final
newline keeps it. Line ends are the file's. Where the diff stands in a Markdown block, the fence
that closes it may come in place of a further hunk, and ends the text.
"""

from __future__ import annotations

import re
from typing import Any

from ondevice.decoding.constraints.hunks import HunkConstraint
from ondevice.decoding.constraints.matcher import Matcher, Matchers
from ondevice.decoding.constraints.pieces import quoted
from ondevice.decoding.constraints.unified_grammar import (
    header_grammar,
    hunk_grammar,
    rest_grammar,
    window_end,
)
from ondevice.edits import UNIFIED, Unified
from ondevice.edits.header import OPENING
from ondevice.edits.unified import FENCE

_MARGIN = 16
"""Rows that must be left in a grammar's window. A token that reaches over more lines is refused
where the window ends."""

_POSITION = re.compile(re.escape(OPENING.encode()) + rb"([0-9]+)[^0-9]")


class UnifiedConstraint(HunkConstraint):
    """The constraint of the unified dialect, on top of a backend's constraint tokenizer.

    The text is one edit, of at least one hunk; an end-of-text token ends it after a whole one.
    A byte-order mark is part of no line, as for the dialect's reader; ``git`` sees it in the
    first, so that for it, a hunk with that line lacks the mark.
    """

    def __init__(
        self,
        tokenizer: Any | Matchers,
        vocabulary: int,
        end_tokens: frozenset[int],
        *,
        dialect: Unified = UNIFIED,
    ) -> None:
        super().__init__(tokenizer, vocabulary, end_tokens)
        self._dialect = dialect
        self._end = 0  # of the rows that the hunk's grammar knows

    def _opening(self) -> Matcher:
        self._lead = self._dialect.names
        if self._buffer.lines:
            self._row = -1  # not known before the header names it
            return self._header_matcher(self._lead, 0)
        return self._hunk_matcher(0)

    def _further(self) -> Matcher | None:
        first = self._row_after()
        fence = FENCE if self._dialect.fenced else ""
        if first < len(self._buffer.lines):
            return self._header_matcher("", first, fence)
        return self._matchers.make(f"start: {quoted(fence)}") if fence else None

    def _may_end_text(self) -> bool:
        return self._may_be_over

    def _hunk_may_end(self) -> bool:
        progress = self._progress
        if self._row + progress.old_count == len(self._buffer.lines):
            return progress.changed
        return progress.changed and progress.trailing >= max(1, progress.leading)

    def _leave_hunk(self) -> None:
        super()._leave_hunk()
        self._lead = ""
        self._row = -1

    def _advance(self) -> None:
        if self._row >= 0:
            self._move_window()
            return
        position = _POSITION.match(self._progress.partial)
        if position is not None:
            self._hunk = self._hunk_matcher(int(position[1]) - 1)
            self._hunk.consume(self._progress.tokens)

    def _move_window(self) -> None:
        row = self._row + self._progress.old_count
        if self._end == len(self._buffer.lines) or row + _MARGIN <= self._end:
            return
        progress = self._progress
        grammar = rest_grammar(self._buffer, row, progress.partial, progress.changed)
        if grammar is not None:
            self._hunk = self._matchers.make(grammar)
            self._end = window_end(self._buffer, row)

    def _header_matcher(self, lead: str, first: int, fence: str = "") -> Matcher:
        grammar = header_grammar(lead, first, len(self._buffer.lines), fence)
        return self._matchers.make(grammar)

    def _hunk_matcher(self, row: int) -> Matcher:
        self._row = row
        self._end = window_end(self._buffer, row)
        grammar = hunk_grammar(self._lead, self._buffer, row, self._growth)
        return self._matchers.make(grammar)
