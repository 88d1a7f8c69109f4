"""The live view: the program growing on the terminal, edit by edit."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TextIO

from rich.console import Console
from rich.syntax import Syntax
from rich.text import Text

from ondevice.cli.area import LiveArea
from ondevice.cli.presenters import CONTROLS, Presenter, printable
from ondevice.events import Done, EditAccepted, EditRejected, EditWithdrawn, Event, Stats
from ondevice.replay import GrowingReplay

SECONDS_PER_FRAME = 0.05
# Drawing takes time from the model, which waits meanwhile: an eighth of it at most.
_REST = 7
_MARGIN = 2


class LivePresenter(Presenter):
    """Redraws the end of the terminal as the program grows, and leaves the whole of it there."""

    def __init__(
        self,
        console: Console,
        stderr: TextIO,
        clock: Callable[[], float] = time.monotonic,
        *,
        source: str = "",
    ) -> None:
        self._console = console
        self._stderr = stderr
        self._clock = clock
        self._view = LiveView(ascii_only=console.options.ascii_only, source=source)
        self._area = LiveArea(console)
        self._next_frame = clock()

    def show(self, event: Event) -> None:
        """Take the event into the view, and redraw where enough time has passed."""
        self._view.add(event)
        now = self._clock()
        # A refusal is over with the next line, so that it would often be missed.
        if now >= self._next_frame or isinstance(event, EditRejected):
            self._area.draw(self._view.frame(*self._console.size))
            spent = self._clock() - now
            self._next_frame = now + max(SECONDS_PER_FRAME, spent * _REST)

    def finish(self, done: Done) -> None:
        """Print the whole program where the view was, and what it cost."""
        self._area.close()
        self._console.print(highlight(printable(done.text)), end="", soft_wrap=True)
        print(summary(done.stats), file=self._stderr)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Wipe the view, whatever happened."""
        self._area.close()


class LiveEdit(LivePresenter):
    """Shows a program that is there as it changes, and leaves nothing: a patch follows."""

    def finish(self, done: Done) -> None:
        """Wipe the view."""
        self._area.close()


class LiveView:
    """What the live area shows: a window of the program around its newest lines, and a line of
    progress under it."""

    def __init__(self, *, ascii_only: bool = False, source: str = "") -> None:
        self._replay = GrowingReplay(source)
        self._tick, self._cross = ("+", "x") if ascii_only else ("✓", "✗")
        self._marks = ""
        self._edit = 1
        self._refusal = ""
        self._top = 0

    def add(self, event: Event) -> None:
        """Take account of one event."""
        self._replay.add(event)
        match event:
            case EditAccepted():
                self._marks += self._tick
                self._edit = event.edit + 1
                self._refusal = ""
            case EditRejected():
                self._marks += self._cross
                reason = ["taken back", *map(str, event.findings[:1])]
                self._refusal = " ".join(": ".join(reason).split())
            case EditWithdrawn():
                self._marks += self._cross
                self._edit = event.edit

    def frame(self, width: int, height: int) -> list[Text]:
        """Return the lines to show on a terminal of this size; none of them fills its row."""
        lines = self._window(max(0, height - 2))
        lines.append(self._status(width))
        for line in lines:
            line.truncate(max(1, width - 1), overflow="ellipsis")
        return lines

    def _window(self, height: int) -> list[Text]:
        shown, marked = self._replay.shown, self._replay.marked
        self._scroll(marked.stop - 1, height)
        rows = range(self._top, min(self._top + height, len(shown)))
        code = highlight("\n".join(shown[: rows.stop]).expandtabs(4)).split("\n", allow_blank=True)
        lines = []
        for row in rows:
            line = Text().append(f"{row + 1:>3} ", "dim")
            if row in marked and self._replay.refused:
                line.append("- ", "bold red").append(code[row].plain, "red strike")
            elif row in marked:
                line.append("+ ", "bold green").append_text(code[row])
            else:
                line.append("  ").append_text(code[row])
            lines.append(line)
        return lines

    def _scroll(self, focus: int, height: int) -> None:
        """Move the window no further than it takes to have the newest line in it."""
        margin = min(_MARGIN, height // 3)
        top = max(self._top, focus + margin - height + 1)
        top = min(top, max(0, focus - margin))
        self._top = max(0, min(top, len(self._replay.shown) - height))

    def _status(self, width: int) -> Text:
        room = max(1, width // 2)
        marks = self._marks if len(self._marks) <= room else "…" + self._marks[1 - room :]
        line = Text()
        for mark in marks:
            line.append(mark, "green" if mark == self._tick else "red")
        line.append(f" edit {self._edit}" if marks else f"edit {self._edit}", "bold")
        if self._refusal:
            line.append(f"  {self._refusal.translate(CONTROLS)}", "red")
        return line


def live_console() -> Console | None:
    """Return a console on stdout, None where that is no terminal that a view can be drawn on."""
    # Asked of the stream itself: FORCE_COLOR makes rich call a pipe a terminal.
    if not sys.stdout.isatty():
        return None
    console = Console(highlight=False)
    return None if console.is_dumb_terminal or console.legacy_windows else console


def highlight(code: str) -> Text:
    """Return Python code in the terminal's own colors, without anything that acts on it."""
    syntax = Syntax("", "python", theme="ansi_dark", background_color="default")
    text = syntax.highlight(code.translate(CONTROLS))
    if not code.endswith("\n"):
        text.right_crop(1)  # the newline that the highlighter adds
    return text


def summary(stats: Stats) -> str:
    """Return what a program cost, in one line."""
    parts = [_count(stats.edits, "edit")]
    if stats.rejected_edits:
        parts.append(f"{stats.rejected_edits} taken back")
    parts.append(_count(stats.tokens, "token"))
    parts.append(f"{stats.tokens_per_second:.0f} tokens/s")
    if stats.first_hunk_seconds is not None:
        parts.append(f"first hunk after {stats.first_hunk_seconds * 1000:.0f} ms")
    return ", ".join(parts)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
