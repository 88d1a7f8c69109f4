"""Whether a hunk fits a buffer's lines, and if not, the error that says where it would."""

import reprlib
from collections.abc import Sequence

from ondevice.edits.edit import Hunk, Line
from ondevice.errors import HunkError

_short = reprlib.Repr()
_short.maxstring = 80


def check_place(number: int, start: int, count: int, floor: int, lines: Sequence[str]) -> None:
    """Raise HunkError unless ``count`` old lines from ``start`` lie in ``lines[floor:]``.

    ``number`` is the hunk's, from 1; ``floor`` the index at which the hunk before it ended.
    """
    if start < floor:
        raise HunkError(
            f"hunk {number} starts at line {start + 1}, but the hunk before it reaches to line "
            f"{floor}: hunks must be in order and must not overlap",
            hunk=number,
            line=start + 1,
        )
    if start + count > len(lines):
        where = f"reaches to line {start + count}" if count else f"inserts after line {start}"
        raise HunkError(
            f"hunk {number} {where}, but the buffer has {len(lines)} lines",
            hunk=number,
            line=start + count,
        )


def check_hunk(number: int, hunk: Hunk, lines: Sequence[str], final_newline: bool) -> None:
    """Raise HunkError unless the hunk's old lines stand where it says, to the last newline.

    The place itself must have passed ``check_place``.
    """
    old = hunk.old
    for index, line in enumerate(old, hunk.start):
        newline = final_newline or index + 1 < len(lines)
        if (line.text, line.newline) != (lines[index], newline):
            raise misfit(number, hunk.start, old, index, Line(" ", lines[index], newline), lines)
    new = hunk.new
    reaches_end = hunk.start + len(old) == len(lines)
    for row, line in enumerate(new, 1):
        if not line.newline and not (reaches_end and row == len(new)):
            raise HunkError(
                f"hunk {number} leaves {_short.repr(line.text)} without a newline, "
                "but only the last line of the file can lack one",
                hunk=number,
                line=hunk.start + 1,
            )


def misfit(
    number: int,
    start: int,
    old: Sequence[Line],
    index: int,
    found: Line,
    lines: Sequence[str],
) -> HunkError:
    """Return the error for ``old``, expected from ``start``, differing from ``found`` at ``index``.

    ``old`` may be only as much of the hunk as is known.
    """
    expected = old[index - start]
    nearest = None
    if found.text == expected.text:
        hint = "they differ in the newline at the end of the file"
    else:
        nearest = _nearest([line.text for line in old], lines, start)
        hint = (
            "its old lines occur nowhere in the buffer"
            if nearest is None
            else f"its old lines occur at line {nearest + 1}"
        )
    return HunkError(
        f"hunk {number} does not fit: it expects {_describe(expected)} at line {index + 1}, "
        f"where the buffer has {_describe(found)}; {hint}",
        hunk=number,
        line=index + 1,
        nearest=None if nearest is None else nearest + 1,
    )


def _nearest(old: list[str], lines: Sequence[str], start: int) -> int | None:
    places = (
        place
        for place in range(len(lines) - len(old) + 1)
        if lines[place] == old[0] and list(lines[place : place + len(old)]) == old
    )
    return min(places, key=lambda place: abs(place - start), default=None)


def _describe(line: Line) -> str:
    return _short.repr(line.text) + ("" if line.newline else " without a newline")
