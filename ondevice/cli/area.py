"""A few lines at the foot of the terminal that are drawn over and over.

``rich.live.Live`` erases before it writes, and loses count when the terminal is made narrower
and re-wraps what stands there; this writes each frame over the last one, in one go.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

_ERASE_LINE_END = "\x1b[K"
_ERASE_BELOW = "\x1b[J"
_HIDE_CURSOR, _SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
# Terminals that know it show a frame only when it is whole; the others ignore it.
_BEGIN_FRAME, _END_FRAME = "\x1b[?2026h", "\x1b[?2026l"


class LiveArea:
    """Lines that ``draw`` replaces and ``close`` wipes away; each must be narrower than the
    terminal, and all of them lower than it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._widths: list[int] = []

    def draw(self, lines: Sequence[Text]) -> None:
        """Show ``lines`` instead of those shown before."""
        frame = self._to_first_line() + self._render(lines) + _ERASE_BELOW
        self._write(_BEGIN_FRAME + _HIDE_CURSOR + frame + _END_FRAME)
        self._widths = [line.cell_len for line in lines]

    def close(self) -> None:
        """Wipe the area; the cursor is where it began."""
        if self._widths:
            # Line by line: to erase all from the top of the screen makes tmux keep a copy.
            self.draw([Text()] * self._rows())
            self._write(self._to_first_line() + _SHOW_CURSOR)
            self._widths = []

    def _to_first_line(self) -> str:
        rows = self._rows()
        return "\r" + (f"\x1b[{rows - 1}A" if rows > 1 else "")

    def _rows(self) -> int:
        # A terminal that became narrower has wrapped the lines that no longer fit.
        width = max(1, self._console.width)
        return sum(max(1, -(-line // width)) for line in self._widths)

    def _render(self, lines: Sequence[Text]) -> str:
        with self._console.capture() as capture:
            self._console.print(Text("\n").join(lines), end="", soft_wrap=True)
        return capture.get().replace("\n", _ERASE_LINE_END + "\n") + _ERASE_LINE_END

    def _write(self, text: str) -> None:
        self._console.file.write(text)
        self._console.file.flush()
