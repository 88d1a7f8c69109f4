"""Grammars of the unified dialect: a header, a hunk from its beginning, the rest of a hunk.

A grammar of lines knows a window of the file's rows. The terminals name each other from row to
row, which llguidance follows by recursion: thousands of rows would be the end of the process.
"""

from __future__ import annotations

from collections.abc import Iterator

from ondevice.decoding.constraints.pieces import added_line, one_of, quoted
from ondevice.edits import Buffer, Line, Op, Unified, format_range
from ondevice.edits.dialect import line_text
from ondevice.edits.header import CLOSING, MIDDLE, OPENING

WINDOW = 64
"""Rows that a grammar knows; each costs about 25 us, and most hunks have few."""

_COUNT = "COUNT: /,([2-9]|[1-9][0-9]{1,3})/"  # a count of 1 is left out
_HEADER_END = quoted(f"{CLOSING}\n")
_OLD_OPS = [op for op in Unified.reader_class.ops if op != "+"]


def header_grammar(lead: str, first: int, last: int, fence: str = "") -> str:
    """Return a Lark grammar of headers at the rows from ``first`` to before ``last``.

    They go as far as the plus sign: all that follows depends on the row, and would cost too much
    to say for each. ``lead`` is text that comes before; ``fence``, where there is one, may stand in
    the header's place.
    """
    rows = one_of(format_range(row, 1) for row in range(first, last))
    instead = f"{quoted(fence)} | " if fence else ""
    header = f"{quoted(lead + OPENING)} ROW COUNT? {quoted(MIDDLE)}"
    return "\n".join([f"start: {instead}{header}", f"ROW: {rows}", _COUNT])


def hunk_grammar(lead: str, buffer: Buffer, row: int, growth: int) -> str:
    """Return a Lark grammar of one hunk that begins at ``row``, and of ``lead`` before it.

    Its counts may be any. That it changes something, and has the context that it should, is not
    said here: as part of the grammar, this would double the cost of every row.
    """
    new = f"{quoted(MIDDLE + format_range(row + growth, 1))} COUNT?"
    if buffer.lines:
        old = f"{quoted(lead + OPENING + format_range(row, 1))} COUNT?"
        lines = _from_row(buffer, row, row, changed=False)
    else:
        old = quoted(lead + OPENING + format_range(0, 0))
        lines = "ADDED ROW0"
    return _grammar(f"{old} {new} {_HEADER_END} {lines}", buffer, row)


def rest_grammar(buffer: Buffer, row: int, partial: bytes, changed: bool) -> str | None:
    """Return a Lark grammar of the rest of a hunk that has come to ``row``.

    ``partial`` is what has been written of the next line. None where that is an added line, or
    ends within a character. ``row`` must not be the file's last, nor beyond.
    """
    if not partial:
        # Unlike ROW, this is never nothing, as terminals must not be.
        lines = f"ADDED {_from_row(buffer, row, row, changed=True)} | "
        lines += " | ".join(
            f"{_old(op, buffer, row)} {_from_row(buffer, row, row + 1, changed or op == '-')}"
            for op in _OLD_OPS
        )
        return _grammar(lines, buffer, row)
    op = next((op for op in _OLD_OPS if partial.startswith(op.encode())), None)
    if op is None:
        return None
    try:
        rest = _line(op, buffer, row).encode()[len(partial) :].decode()
    except UnicodeDecodeError:
        return None
    following = _from_row(buffer, row, row + 1, changed or op == "-")
    return _grammar(f"{quoted(rest)} {following}", buffer, row)


def window_end(buffer: Buffer, row: int) -> int:
    """Return the row that a grammar from ``row`` on does not know any more."""
    return min(row + WINDOW, len(buffer.lines))


def _grammar(hunk: str, buffer: Buffer, row: int) -> str:
    end = window_end(buffer, row)
    bare = _reaches_bare_end(buffer, row)
    return "\n".join(
        [
            "start: HUNK",
            f"HUNK: {hunk}",
            _COUNT,
            f"ADDED: {added_line(buffer.newline)}",
            *_rows(buffer, row, end - bare),
            *(_bare_end(buffer, row) if bare else [f"ROW{end}: ADDED*"]),
        ]
    )


def _from_row(buffer: Buffer, row: int, next_row: int, changed: bool) -> str:
    """Return the terminal of what may come from ``next_row`` on, in the window from ``row``."""
    kept = not changed and _reaches_bare_end(buffer, row)
    return f"KEPT{next_row}" if kept else f"ROW{next_row}"


def _reaches_bare_end(buffer: Buffer, row: int) -> bool:
    return not buffer.final_newline and window_end(buffer, row) == len(buffer.lines)


def _rows(buffer: Buffer, row: int, end: int) -> Iterator[str]:
    """Yield terminals of all that may be written from each row on, which may be nothing."""
    ops = " | ".join(map(quoted, _OLD_OPS))
    for index in range(row, end):
        text = quoted(_line(" ", buffer, index)[1:])
        yield f"ROW{index}: ADDED* (({ops}) {text} ROW{index + 1})?"


def _bare_end(buffer: Buffer, row: int) -> Iterator[str]:
    """Yield terminals for the last line of a file without a final newline.

    As a context line, it ends the hunk, which must have changed something by then. So there are
    terminals of what may be written from each row on as long as nothing has been changed.
    """
    last = len(buffer.lines) - 1
    context, removed = (_old(op, buffer, last) for op in _OLD_OPS)
    yield f"ROW{last}: ADDED* ({context} | {removed} END)?"
    yield f"END: ADDED* ({added_line(buffer.newline, ends_file=True)})?"
    for index in range(row, last):
        context, removed = (_old(op, buffer, index) for op in _OLD_OPS)
        changed = f"{removed} ROW{index + 1} | ADDED ROW{index}"
        yield f"KEPT{index}: {context} KEPT{index + 1} | {changed}"
    yield f"KEPT{last}: {_old('-', buffer, last)} END | ADDED ROW{last}"


def _old(op: Op, buffer: Buffer, index: int) -> str:
    return quoted(_line(op, buffer, index))


def _line(op: Op, buffer: Buffer, index: int) -> str:
    """Return a context or removed line, as a diff of the buffer has it."""
    newline = buffer.final_newline or index + 1 < len(buffer.lines)
    return line_text(Line(op, buffer.lines[index], newline=newline), buffer.newline)
