"""What ``generate`` prints on stdout, by format: text, diff and JSON. The live view has its own."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TextIO

from ondevice.events import Done, EditAccepted, Event

DIFF_FILE = "program.py"


class Presenter(AbstractContextManager["Presenter"]):
    """Shows events as they come, then the whole program; by default neither."""

    def show(self, event: Event) -> None:
        """Show one event; the last one is ``Done``."""

    def finish(self, done: Done) -> None:
        """Show the result, after everything else."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the terminal as it was found."""


class _StreamPresenter(Presenter):
    def __init__(self, stdout: TextIO) -> None:
        self._stdout = stdout

    def _write(self, text: str) -> None:
        self._stdout.write(text)
        self._stdout.flush()


class TextPresenter(_StreamPresenter):
    """Nothing but the program, once it is finished."""

    def finish(self, done: Done) -> None:
        """Print the program."""
        self._write(printable(done.text))


class JsonPresenter(_StreamPresenter):
    """One JSON object a line, as each event happens."""

    def show(self, event: Event) -> None:
        """Print the event."""
        self._write(json.dumps(event.to_json()) + "\n")


class DiffPresenter(_StreamPresenter):
    """The accepted edits as a series of patches, which ``patch`` applies one after the other."""

    def show(self, event: Event) -> None:
        """Print the edit, once it is accepted."""
        if isinstance(event, EditAccepted):
            old = f"a/{DIFF_FILE}" if event.edit > 1 else "/dev/null"
            header = f"# edit {event.edit}\n--- {old}\n+++ b/{DIFF_FILE}\n"
            self._write(header + printable(event.diff))


def printable(text: str) -> str:
    """Return ``text`` with a newline at its end, unless it is empty."""
    return text if not text or text.endswith("\n") else text + "\n"
