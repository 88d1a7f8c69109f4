"""What ``generate`` prints on stdout, by format: text, diff and JSON. The live view has its own."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TextIO

import typer

from ondevice.events import (
    Done,
    EditAccepted,
    EditWithdrawn,
    Event,
    Finding,
    SampleFinished,
)

DIFF_FILE = "program.py"
CONTROLS = dict.fromkeys({*range(32), *range(127, 160)} - {ord("\n"), ord("\t")}, "\ufffd")
"""For ``str.translate``: what would move the cursor or change the terminal's state, if printed."""


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


class SamplesProgress(Presenter):
    """How many samples are finished, in place, where stderr is a terminal."""

    def __init__(self, stderr: TextIO, samples: int) -> None:
        self._stderr = stderr if stderr.isatty() else None
        self._samples = samples
        self._finished = self._clean = 0
        self._shown = 0

    def show(self, event: Event) -> None:
        """Count a sample that is finished."""
        if isinstance(event, SampleFinished) and event.finish_reason != "passed":
            self._finished += 1
            self._clean += event.finish_reason == "complete" and not event.findings
            good = "pass" if event.passed is not None else "without findings"
            self._progress(
                f"{self._finished} of {self._samples} programs written, {self._clean} {good}"
            )

    def finish(self, done: Done) -> None:
        """Wipe what was shown."""
        self._progress("")

    def _progress(self, text: str) -> None:
        if self._stderr:
            self._stderr.write(f"\r{text:<{self._shown}}" + ("" if text else "\r"))
            self._stderr.flush()
            self._shown = len(text)


class SamplesPresenter(SamplesProgress):
    """How many samples are finished, then the best program."""

    def __init__(self, stdout: TextIO, stderr: TextIO, samples: int) -> None:
        super().__init__(stderr, samples)
        self._program = TextPresenter(stdout)

    def finish(self, done: Done) -> None:
        """Print the program."""
        super().finish(done)
        self._program.finish(done)


class DiffPresenter(_StreamPresenter):
    """The accepted edits as a series of patches, which ``patch`` applies one after the other.

    They come at the end: an accepted edit may still be withdrawn.
    """

    def __init__(self, stdout: TextIO) -> None:
        super().__init__(stdout)
        self._diffs: dict[int, list[str]] = defaultdict(list)
        """By sample."""

    def show(self, event: Event) -> None:
        """Remember the edit, once it is accepted."""
        if isinstance(event, EditAccepted):
            self._diffs[event.sample].append(event.diff)
        elif isinstance(event, EditWithdrawn):
            self._diffs[event.sample].pop()

    def finish(self, done: Done) -> None:
        """Print the edits of the best program."""
        for number, diff in enumerate(self._diffs[done.sample], 1):
            old = f"a/{DIFF_FILE}" if number > 1 else "/dev/null"
            header = f"# edit {number}\n--- {old}\n+++ b/{DIFF_FILE}\n"
            self._write(header + printable(diff))


def printable(text: str) -> str:
    """Return ``text`` with a newline at its end, unless it is empty."""
    return text if not text or text.endswith("\n") else text + "\n"


def remark(done: Done, findings: Sequence[Finding]) -> None:
    """Say on stderr why the program is not what was asked for, and what is found wrong with it."""
    remarks = {
        "length": "unfinished: the tokens are used up; --max-tokens allows more",
        "context": "unfinished: the context is full; --context allows more, up to the model's own",
        "time": "unfinished: the time is used up; --max-seconds allows more",
        "size": "unfinished: the program has too many lines",
        "retries": "unfinished: no edit applied; --retries allows more attempts",
        "cancelled": "interrupted; what was accepted until then is kept",
    }
    if reason := remarks.get(done.finish_reason):
        typer.echo(reason, err=True)
    for finding in findings:
        typer.echo(f"check: {finding}", err=True)
