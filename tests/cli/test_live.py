from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Iterable
from pathlib import Path

import pytest
from rich.console import Console
from rich.text import Text

from ondevice.cli.area import LiveArea
from ondevice.cli.live import LivePresenter, LiveView, highlight, summary
from ondevice.events import Done, EditRejected, Event, Line, Stats
from ondevice.replay import GrowingReplay

from .fakes import FIZZBUZZ, WRONG, long_program, stream
from .terminal import Terminal

FAKES = Path(__file__).with_name("fakes.py")


class Screen(io.StringIO):
    """A stream that shows on a terminal at once what is written to it."""

    def __init__(self, width: int, height: int) -> None:
        super().__init__()
        self.terminal = Terminal(width, height)
        self.frames: list[list[str]] = []

    def write(self, text: str) -> int:
        if text:
            self.terminal.feed(text)
            self.frames.append(self.terminal.screen)
        return len(text)


def play(
    events: Iterable[Event], width: int = 80, height: int = 24, per_event: float = 1.0
) -> tuple[Screen, str]:
    """Show events on a terminal, so much time apart; return it and what came on stderr."""
    screen, stderr = Screen(width, height), io.StringIO()
    console = Console(
        file=screen,
        width=width,
        height=height,
        force_terminal=True,
        color_system="standard",
        legacy_windows=False,
        _environ={},
    )
    now = 0.0
    with LivePresenter(console, stderr, clock=lambda: now) as presenter:
        for event in events:
            presenter.show(event)
            now += per_event
    assert isinstance(event, Done)
    presenter.finish(event)
    return screen, stderr.getvalue()


def test_the_program_stays_and_the_view_goes() -> None:
    screen, stderr = play(stream(FIZZBUZZ, wrong={2: WRONG}))
    assert screen.terminal.everything == [*FIZZBUZZ[-1].splitlines(), ""]
    assert screen.terminal.cursor_visible
    assert stderr == "2 edits, 92 tokens, 307 tokens/s, first hunk after 45 ms\n"


def test_the_newest_hunk_is_marked_and_each_edit_ticked_or_crossed() -> None:
    screen, _ = play(stream(FIZZBUZZ, wrong={2: WRONG}))
    assert ["  1 + def fizzbuzz(n):", "edit 1"] in screen.frames, "it grows line by line"
    refused = [frame for frame in screen.frames if "taken back" in frame[-1]]
    assert refused[0] == [
        "  1   def fizzbuzz(n):",
        "  2 -     return str(limit)",
        "✓✗ edit 2  taken back: line 2: undefined name 'limit' [names]",
    ]
    last = [
        "  1   def fizzbuzz(n):",
        "  2 +     if n % 15 == 0:",
        "  3 +         return 'FizzBuzz'",
        "  4       return str(n)",
        "✓✗✓ edit 3",
    ]
    assert last in screen.frames


@pytest.mark.parametrize(("width", "height"), [(40, 10), (80, 24), (12, 3), (5, 2), (2, 1)])
@pytest.mark.parametrize("lines", [6, 60])
def test_nothing_is_printed_twice(width: int, height: int, lines: int) -> None:
    program = long_program(lines)
    screen, _ = play(stream(program), width, height)
    shown = "".join(screen.terminal.everything)
    assert shown.replace(" ", "") == program[-1].replace("\n", "").replace(" ", "")


def test_no_frame_reaches_the_edge_of_the_terminal() -> None:
    view = LiveView()
    for event in stream(["x = '" + "日本" * 40 + "'\n" * 30], wrong={1: "y = " + "1" * 90}):
        view.add(event)
        for width, height in [(40, 10), (3, 2), (2, 1)]:
            frame = view.frame(width, height)
            assert len(frame) <= max(1, height - 1)
            assert all(line.cell_len < width for line in frame)


def test_the_window_moves_with_the_newest_line() -> None:
    view = LiveView()
    for event in stream(long_program(60)):
        view.add(event)
        if isinstance(event, Line):
            assert any(event.text in line.plain for line in view.frame(80, 10))


def test_the_terminal_is_redrawn_at_most_twenty_times_a_second() -> None:
    events = list(stream(long_program(60)))
    screen, _ = play(events, per_event=0.01)
    assert len(screen.frames) < len(events) * 0.01 * 20 + 10


def test_many_edits_fit_the_line_of_progress() -> None:
    view = LiveView()
    for event in stream([f"x = {i}\n" for i in range(50)]):
        view.add(event)
    assert view.frame(20, 5)[-1].plain == "…✓✓✓✓✓✓✓✓✓ edit 51"


def test_what_would_act_on_the_terminal_does_not_reach_it() -> None:
    assert highlight("a = '\x1b[2J\x07'\r").plain == "a = '\ufffd[2J\ufffd'\ufffd"
    assert highlight("").plain == ""
    assert highlight("\n\nx = 1").plain == "\n\nx = 1"


def test_a_terminal_without_utf8_gets_ascii_marks() -> None:
    view = LiveView(ascii_only=True)
    for event in stream(FIZZBUZZ, wrong={2: WRONG}):
        view.add(event)
    assert view.frame(80, 24)[-1].plain.startswith("+x+")


def test_a_narrower_terminal_is_wiped_whole() -> None:
    terminal = Terminal(20, 10)
    console = Console(file=io.StringIO(), width=40, force_terminal=True, _environ={})
    area = LiveArea(console)
    area.draw([Text("a line of 30 cells".ljust(30, ".")), Text("short")])
    console.width = 20
    terminal.feed("before\n" + "a line of 30 cells".ljust(30, ".") + "\nshort")
    console.file = Screen(20, 10)
    console.file.terminal = terminal
    area.close()
    assert [row for row in terminal.everything if row] == ["before"]


def test_a_growing_program_is_rebuilt_from_the_events() -> None:
    replay = GrowingReplay()
    for event in stream(FIZZBUZZ, wrong={2: WRONG}):
        replay.add(event)
        if isinstance(event, EditRejected):
            assert replay.refused
            assert replay.shown == WRONG.splitlines()
            assert replay.lines == FIZZBUZZ[0].splitlines()
    assert replay.shown == replay.lines == FIZZBUZZ[-1].splitlines()
    assert replay.marked == range(1, 3)


def test_the_summary_counts() -> None:
    stats = Stats(tokens=1, edits=1, rejected_edits=2, seconds=0.5)
    assert summary(stats) == "1 edit, 2 taken back, 1 token, 2 tokens/s"


@pytest.mark.parametrize(
    ("environment", "live"), [({"TERM": "xterm"}, True), ({"TERM": "dumb"}, False)]
)
def test_on_a_terminal_of_ten_rows_and_forty_columns(
    environment: dict[str, str], live: bool
) -> None:
    output = run_on_terminal(["60", "0.002"], environment, columns=40, rows=10)
    terminal = Terminal(40, 10)
    terminal.feed(output)
    program = long_program(60)[-1].replace("\n", "").replace(" ", "")
    assert "".join(terminal.everything).replace(" ", "").startswith(program)
    assert ("\x1b[?25l" in output) is live
    assert terminal.cursor_visible


def test_no_color_leaves_no_color() -> None:
    output = run_on_terminal(["6", "0"], {"TERM": "xterm", "NO_COLOR": "1"}, 80, 24)
    assert re.search(r"\x1b\[[\d;]*m", output), "bold is no color"
    assert not re.search(r"\x1b\[(\d+;)*[349]\d[;m]", output)


def run_on_terminal(
    arguments: list[str], environment: dict[str, str], columns: int, rows: int
) -> str:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    cleared = {"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"}
    inherited = {name: value for name, value in os.environ.items() if name not in cleared}
    with subprocess.Popen(
        [sys.executable, str(FAKES), *arguments, "generate", "x"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=inherited | environment,
    ) as process:
        os.close(theirs)
        output = b""
        while chunk := read(ours):
            output += chunk
    os.close(ours)
    assert process.returncode == 0, output
    return output.decode()


def read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # how Linux says that the other side was closed
        return b""
