"""How a program stands on its lines: indentation, what is below what, where a statement ends."""

from __future__ import annotations

TAB = 4


def indent(line: str) -> int:
    """Return the width of a line's indentation in columns."""
    stripped = line.lstrip()
    width = len(line) - len(stripped)
    if "\t" in line[:width]:
        return len(line[:width].expandtabs(TAB))
    return width


class Layout:
    """The lines of a program, and for each the lines that are indented below it.

    ``indents`` holds columns; ``filled`` whether a line is not blank, or ends a statement all the
    same because a backslash continues it there; ``ends`` the index after the last line that goes
    where the line goes: those indented below it, without blank lines that follow them.
    """

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.indents = [indent(line) for line in lines]
        before = ["", *lines]
        self.filled = [
            bool(line.strip()) or previous.endswith("\\")
            for line, previous in zip(lines, before, strict=False)
        ]
        self.ends = self._ends()

    def _ends(self) -> list[int]:
        ends = list(range(1, len(self.lines) + 1))
        open_lines: list[int] = []
        last = -1
        for number, filled in enumerate(self.filled):
            if not filled:
                continue
            while open_lines and self.indents[open_lines[-1]] >= self.indents[number]:
                ends[open_lines.pop()] = last + 1
            open_lines.append(number)
            last = number
        for number in open_lines:
            ends[number] = last + 1
        return ends
