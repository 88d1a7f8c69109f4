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
newline keeps it. Line ends are the file's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ondevice.decoding.constraints.hunks import HunkConstraint
from ondevice.decoding.constraints.matcher import Matcher
from ondevice.decoding.constraints.pieces import added_line, one_of, quoted
from ondevice.edits import UNIFIED, Buffer, Line, Op, Unified, format_range
from ondevice.edits.dialect import line_text
from ondevice.edits.header import CLOSING, MIDDLE, OPENING

_WINDOW = 64
"""Old lines that a hunk's grammar knows at first; it is made anew when the hunk outgrows them,
with twice as many. A line costs about 25 us, and most hunks have few."""
_MARGIN = 16
"""Old lines that must be left in the window. A token that reaches over more is refused."""

_COUNT = "COUNT: /,([2-9]|[1-9][0-9]{1,3})/"  # a count of 1 is left out
_HEADER_END = quoted(f"{CLOSING}\n")
_OLD_OPS = [op for op in Unified.reader_class.ops if op != "+"]
_POSITION = re.compile(re.escape(OPENING) + r"([0-9]+)[^0-9]")


class UnifiedConstraint(HunkConstraint):
    """The constraint of the unified dialect, on top of a backend's constraint tokenizer.

    The text is one edit, of at least one hunk; an end-of-text token ends it after a whole one.
    A byte-order mark is part of no line, as for the dialect's reader; ``git`` sees it in the
    first, so that for it, a hunk with that line lacks the mark.
    """

    def __init__(
        self,
        tokenizer: Any,
        vocabulary: int,
        end_tokens: frozenset[int],
        *,
        dialect: Unified = UNIFIED,
    ) -> None:
        super().__init__(tokenizer, vocabulary, end_tokens)
        self._dialect = dialect

    def _opening(self) -> Matcher:
        self._lead = self._dialect.names
        if self._buffer.lines:
            self._row = -1
            return self._header_matcher(self._lead, 0)
        self._row, self._window = 0, _WINDOW
        return self._hunk_matcher()

    def _further(self) -> Matcher | None:
        first = self._row_after()
        return self._header_matcher("", first) if first < len(self._buffer.lines) else None

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
        self._row = -1  # not known yet

    def _advance(self) -> None:
        if self._row < 0:
            position = _POSITION.match(self._progress.partial)
            if position is not None:
                self._row, self._window = int(position[1]) - 1, _WINDOW
                self._follow_anew()
        elif self._progress.old_count + _MARGIN > self._window and self._row + self._window < len(
            self._buffer.lines
        ):
            self._window *= 2
            self._follow_anew()

    def _follow_anew(self) -> None:
        """Follow the hunk from its beginning by a grammar that knows (more of) its lines."""
        self._hunk = self._hunk_matcher()
        self._hunk.consume(self._progress.tokens)

    def _header_matcher(self, lead: str, first: int) -> Matcher:
        grammar = header_grammar(lead, first, len(self._buffer.lines))
        return Matcher(self._tokenizer, grammar)

    def _hunk_matcher(self) -> Matcher:
        end = min(self._row + self._window, len(self._buffer.lines))
        grammar = hunk_grammar(self._lead, self._buffer, self._row, end, self._growth)
        return Matcher(self._tokenizer, grammar)


def header_grammar(lead: str, first: int, last: int) -> str:
    """Return a Lark grammar of headers at the rows from ``first`` to before ``last``.

    They go as far as the plus sign: all that follows depends on the row, and would cost too much
    to say for each. ``lead`` is text that comes before.
    """
    rows = one_of(format_range(row, 1) for row in range(first, last))
    return "\n".join(
        [f"start: {quoted(lead + OPENING)} ROW COUNT? {quoted(MIDDLE)}", f"ROW: {rows}", _COUNT]
    )


def hunk_grammar(lead: str, buffer: Buffer, row: int, end: int, growth: int) -> str:
    """Return a Lark grammar of one hunk that begins at ``row`` and ends at row ``end`` or before.

    Its counts may be any. That it changes something, and has the context that it should, is not
    said here: as part of the grammar, this would double the cost of every line.
    """
    new = f"{quoted(MIDDLE + format_range(row + growth, 1))} COUNT?"
    reaches_bare_end = end == len(buffer.lines) and not buffer.final_newline
    old = f"{quoted(lead + OPENING + format_range(row, 1))} COUNT?"
    first = f"KEPT{row}" if reaches_bare_end else f"ROW{row}"
    if not buffer.lines:
        old = quoted(lead + OPENING + format_range(0, 0))
        first = "ADDED ROW0"
    return "\n".join(
        [
            "start: HUNK",
            f"HUNK: {old} {new} {_HEADER_END} {first}",
            _COUNT,
            f"ADDED: {added_line(buffer.newline)}",
            *_rows(buffer, row, end - reaches_bare_end),
            *(_bare_end(buffer, row) if reaches_bare_end else [f"ROW{end}: ADDED*"]),
        ]
    )


def _rows(buffer: Buffer, row: int, end: int) -> Iterator[str]:
    """Yield terminals of all that may be written from each row on, which may be nothing."""
    ops = " | ".join(map(quoted, _OLD_OPS))
    for index in range(row, end):
        text = quoted(line_text(Line(" ", buffer.lines[index]), buffer.newline)[1:])
        yield f"ROW{index}: ADDED* (({ops}) {text} ROW{index + 1})?"


def _bare_end(buffer: Buffer, row: int) -> Iterator[str]:
    """Yield terminals for the last line of a file without a final newline.

    As a context line, it ends the hunk, which must have changed something by then. So there are
    terminals of what may be written from each row on as long as nothing has been changed.
    """
    last = len(buffer.lines) - 1

    def old(op: Op, index: int) -> str:
        line = Line(op, buffer.lines[index], newline=index < last)
        return quoted(line_text(line, buffer.newline))

    yield f"ROW{last}: ADDED* ({old(' ', last)} | {old('-', last)} END)?"
    yield f"END: ADDED* ({added_line(buffer.newline, ends_file=True)})?"
    for index in range(row, last):
        kept = f"{old(' ', index)} KEPT{index + 1}"
        yield f"KEPT{index}: {kept} | {old('-', index)} ROW{index + 1} | ADDED ROW{index}"
    yield f"KEPT{last}: {old('-', last)} END | ADDED ROW{last}"
