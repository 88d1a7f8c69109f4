"""A terminal small enough for tests: it understands what the live view sends, and no more."""

from __future__ import annotations

import re

_SEQUENCE = re.compile(r"\x1b\[(\??)([0-9;]*)([A-Za-z])|(\r)|(\n)|([^\x1b])", re.DOTALL)


class Terminal:
    """``screen`` is what is visible; ``history`` what was scrolled out at the top."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.history: list[str] = []
        self.cursor_visible = True
        self._rows = [""]
        self._row = self._column = 0

    @property
    def screen(self) -> list[str]:
        return [row.rstrip() for row in self._rows]

    @property
    def everything(self) -> list[str]:
        return [*self.history, *self.screen]

    def feed(self, text: str) -> None:
        for private, numbers, final, carriage, newline, character in _SEQUENCE.findall(text):
            if carriage:
                self._column = 0
            elif newline:
                self._column = 0
                self._down()
            elif character:
                self._put(character)
            else:
                self._control(private + final, numbers)

    def _control(self, command: str, numbers: str) -> None:
        if command == "A":
            self._row = max(0, self._row - int(numbers))
        elif command in ("K", "J"):
            self._rows[self._row] = self._rows[self._row][: self._column]
            if command == "J":
                del self._rows[self._row + 1 :]
        elif command in ("?h", "?l"):
            if numbers == "25":
                self.cursor_visible = command == "?h"
        else:
            assert command == "m", f"unknown sequence {command!r}"

    def _put(self, character: str) -> None:
        if self._column == self.width:
            self._column = 0
            self._down()
        row = self._rows[self._row].ljust(self._column)
        self._rows[self._row] = row[: self._column] + character + row[self._column + 1 :]
        self._column += 1

    def _down(self) -> None:
        self._row += 1
        if self._row == len(self._rows):
            self._rows.append("")
        if len(self._rows) > self.height:
            self.history.append(self._rows.pop(0).rstrip())
            self._row -= 1
