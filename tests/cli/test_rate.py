"""How a long run tells how far it is."""

from __future__ import annotations

import io
import sys

import pytest

from ondevice.cli import rate
from ondevice.cli.rate import row_progress


class FakeTerminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = FakeTerminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with row_progress() as tell:
        for done in range(0, 51, 10):
            tell(done, 100)
    assert "50%" in terminal.getvalue()
    assert "6 rows, " in terminal.getvalue()
    assert "/s" in terminal.getvalue()
    assert " left" in terminal.getvalue()


def test_nothing_in_a_pipe_for_a_short_run(capsys: pytest.CaptureFixture[str]) -> None:
    with row_progress() as tell:
        tell(1, 2)
        tell(2, 2)
    assert capsys.readouterr() == ("", "")


def test_a_line_now_and_then_in_a_pipe(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 0.0
    monkeypatch.setattr(rate.time, "monotonic", lambda: now)
    with row_progress() as tell:
        tell(500, 1000)  # taken up in the middle
        for _ in range(10):
            now += 13
            tell(int(500 + now), 1000)
    assert capsys.readouterr().err.splitlines() == [
        "6 rows, 56%, 0.1 rows/s, 7 min left",
        "11 rows, 63%, 0.1 rows/s, 6 min left",
    ]
