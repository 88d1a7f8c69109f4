"""A document's text, and the positions that clients name in it."""

from __future__ import annotations

import bisect
import re
from typing import Self

from lsprotocol.types import Position, PositionEncodingKind, Range

# pygls splits lines as str.splitlines does, at form feeds and U+2028, too; the protocol does not.
_BREAK = re.compile(r"\r\n|\n|\r")


class Text:
    r"""A text whose lines end with ``\n``, ``\r\n`` or ``\r``, as LSP 3.18 has it.

    ``encoding`` is what a position's ``character`` counts: code units of UTF-8 or UTF-16, or
    characters (``utf-32``). Offsets count characters from 0.
    """

    def __init__(self, text: str, encoding: str = PositionEncodingKind.Utf16.value) -> None:
        self.text = text
        self.encoding = encoding
        self._breaks = [match.span() for match in _BREAK.finditer(text)]
        self._starts = [0, *(end for _, end in self._breaks)]

    def offset(self, position: Position) -> int:
        """Return the offset of a position.

        One beyond its line is the line's end, one beyond the text the text's; one inside a
        character is before it.
        """
        if position.line >= len(self._starts):
            return len(self.text)
        start, end = self._line(position.line)
        line = self.text[start:end]
        if line.isascii():
            return min(start + position.character, end)
        left = position.character
        for index, character in enumerate(line):
            left -= self._units(character)
            if left < 0:
                return start + index
        return end

    def position(self, offset: int) -> Position:
        """Return the position of an offset; of one inside a line break, the line's end."""
        row = bisect.bisect_right(self._starts, offset) - 1
        start, end = self._line(row)
        return Position(row, self._units(self.text[start : min(offset, end)]))

    def range(self, start: int, end: int) -> Range:
        """Return the range between two offsets."""
        return Range(self.position(start), self.position(end))

    def offsets(self, range: Range) -> tuple[int, int]:
        """Return the offsets of a range's ends, in order."""
        start, end = sorted((self.offset(range.start), self.offset(range.end)))
        return start, end

    def replaced(self, range: Range, text: str) -> Self:
        """Return the text with ``range`` replaced."""
        start, end = self.offsets(range)
        return type(self)(self.text[:start] + text + self.text[end:], self.encoding)

    def _line(self, row: int) -> tuple[int, int]:
        """Return where a line begins, and where it ends, before its break."""
        end = self._breaks[row][0] if row < len(self._breaks) else len(self.text)
        return self._starts[row], end

    def _units(self, text: str) -> int:
        if self.encoding == PositionEncodingKind.Utf32 or text.isascii():
            return len(text)
        if self.encoding == PositionEncodingKind.Utf8:
            return len(text.encode("utf-8", "surrogatepass"))
        return len(text.encode("utf-16-le", "surrogatepass")) // 2


def shortened(text: str, length: int) -> str:
    """Return a text of one line with no more than so many characters, an ellipsis for the rest."""
    return text if len(text) <= length else text[: length - 1] + "…"
