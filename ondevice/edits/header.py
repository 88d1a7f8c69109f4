"""Hunk headers, ``@@ -a,0 +b,n @@``, formatted and parsed as difflib has them.

Headers count lines from 1. A count of 1 is left out; a range of 0 lines names the line before it,
so that its number equals the 0-based index at which it stands.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from ondevice.edits.edit import Edit, Hunk

OPENING = "@@ -"
MIDDLE = " +"
CLOSING = " @@"
"""What stands before, between and after the two ranges."""

_NUMBER = r"(0|[1-9][0-9]{0,8})"
_RANGE = rf"{_NUMBER}(?:,{_NUMBER})?"
_HEADER = re.compile(
    re.escape(OPENING) + _RANGE + re.escape(MIDDLE) + _RANGE + re.escape(CLOSING) + "( .*)?",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Header:
    """Where a hunk stands: 0-based indices in the buffer before and after, and line counts."""

    old_start: int
    old_count: int
    new_start: int
    new_count: int

    def __str__(self) -> str:
        old = format_range(self.old_start, self.old_count)
        new = format_range(self.new_start, self.new_count)
        return f"{OPENING}{old}{MIDDLE}{new}{CLOSING}"

    @classmethod
    def parse(cls, text: str, *, heading: bool = False) -> Self | None:
        """Return the header that ``text`` is, or None where it is none.

        With ``heading``, a section heading may follow, as in ``@@ -3 +3 @@ def main():``.
        """
        match = _HEADER.fullmatch(text)
        if match is None or (match[5] is not None and not heading):
            return None
        old, new = _parse_range(match[1], match[2]), _parse_range(match[3], match[4])
        if old is None or new is None:
            return None
        return cls(*old, *new)


def format_range(start: int, count: int) -> str:
    """Return how a header writes ``count`` lines from the 0-based index ``start``."""
    if count == 1:
        return f"{start + 1}"
    return f"{start + 1 if count else start},{count}"


def headers(edit: Edit) -> Iterator[tuple[Header, Hunk]]:
    """Yield every hunk of ``edit`` with its header."""
    growth = 0
    for hunk in edit.hunks:
        old_count, new_count = len(hunk.old), len(hunk.new)
        yield Header(hunk.start, old_count, hunk.start + growth, new_count), hunk
        growth += new_count - old_count


def _parse_range(number: str, count: str | None) -> tuple[int, int] | None:
    start, length = int(number), 1 if count is None else int(count)
    if length == 0:
        return start, 0
    return (start - 1, length) if start else None
