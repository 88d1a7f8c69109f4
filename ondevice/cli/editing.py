"""Changes one file after another as a model says, shows each, and writes it where that is asked."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from ondevice.cli.exits import DONE, STDOUT_CLOSED, UNFINISHED, USAGE
from ondevice.cli.patches import colored, patch
from ondevice.cli.presenters import Presenter, SamplesProgress, remark
from ondevice.errors import RequestError
from ondevice.events import Done, Event, Finding
from ondevice.textfile import Text, TextFile, is_python

if TYPE_CHECKING:
    from ondevice.model import Model


@dataclass(frozen=True)
class Wish:
    """A text to change, what it is called in patches, and whether to write it."""

    text: Text
    called: str
    write: bool


@dataclass
class _Outcome:
    """What became of a wish: the change, and what kept it from being written."""

    done: Done
    new: tuple[Finding, ...]
    """Findings that the change brings, in contrast to those that stood before."""
    diff: str = ""
    content: bytes = b""
    written: bool = False
    error: str | None = None

    @property
    def complete(self) -> bool:
        return self.done.finish_reason == "complete" and not self.new

    @property
    def code(self) -> int:
        if self.error:
            return USAGE
        return DONE if self.complete else UNFINISHED


class Editing:
    """One request that is made of several files."""

    def __init__(
        self,
        model: Model,
        instruction: str,
        check: list[str] | None,
        parameters: dict[str, Any],
        format: str,
    ) -> None:
        self._model = model
        self._instruction = instruction
        self._check = check
        self._parameters = parameters
        self._format = format

    def carry_out(self, wish: Wish) -> int:
        """Change one text and return the exit code.

        What cannot be done for this one is told, and the others have their turn.
        """
        try:
            return self._carried_out(wish)
        except BrokenPipeError:
            raise typer.Exit(STDOUT_CLOSED) from None

    def _carried_out(self, wish: Wish) -> int:
        try:
            outcome = self._changed(wish)
        except RequestError as error:
            self._tell({"complete": False, "written": False, "error": str(error)}, wish)
            typer.echo(f"error: {wish.text.name}: {error}", err=True)
            return USAGE
        self._show(wish, outcome)
        return outcome.code

    def _changed(self, wish: Wish) -> _Outcome:
        """Have the model make the change, and write it where that is asked and it is complete."""
        from ondevice.checks import beyond, resolve_checks, run_checks

        text = wish.text
        check = self._check or ["names" if is_python(text.name) else "none"]
        before = run_checks(resolve_checks(check), text.text)
        events = self._model.stream(
            self._instruction,
            source=text.text,
            path=wish.called,
            check=check,
            **self._parameters,
        )
        with closing(events), self._progress(text) as progress:
            for event in events:
                self._tell_event(event, wish)
                progress.show(event)
            assert isinstance(event, Done)
            progress.finish(event)
        outcome = _Outcome(event, beyond(event.findings, before))
        outcome.diff = patch(wish.called, text.text, event.text)
        try:
            outcome.content = text.encode(event.text)
            if wish.write and outcome.complete and outcome.diff and isinstance(text, TextFile):
                text.write(event.text)
                outcome.written = True
        except RequestError as error:
            outcome.error = str(error)
        return outcome

    def _progress(self, text: Text) -> Presenter:
        samples = self._parameters["samples"]
        if samples == 1 and self._format == "diff" and sys.stdout.isatty():
            from ondevice.cli.live import LiveEdit, live_console

            if console := live_console():
                return LiveEdit(console, sys.stderr, source=text.text)
        return SamplesProgress(sys.stderr, samples)

    def _show(self, wish: Wish, outcome: _Outcome) -> None:
        if self._format == "text":
            typer.echo(outcome.content or outcome.done.text, nl=False)
        elif self._format == "diff":
            self._show_diff(wish, outcome)
        self._tell(
            {
                "complete": outcome.complete,
                "written": outcome.written,
                "diff": outcome.diff,
                "error": outcome.error,
            },
            wish,
        )
        self._remark(wish, outcome)

    def _show_diff(self, wish: Wish, outcome: _Outcome) -> None:
        # Asked of the stream itself: FORCE_COLOR makes rich call a pipe a terminal.
        if sys.stdout.isatty():
            from rich.console import Console

            Console(highlight=False).print(colored(outcome.diff), end="", soft_wrap=True)
        elif outcome.diff:
            # In the encoding of the file, with its line ends: so git applies it.
            encoding = "utf-8" if outcome.error else wish.text.encoding
            typer.echo(outcome.diff.encode(encoding), nl=False)

    def _tell_event(self, event: Event, wish: Wish) -> None:
        if self._format == "json":
            self._print({"type": event.type, "file": wish.text.name} | event.to_json())

    def _tell(self, outcome: dict[str, Any], wish: Wish) -> None:
        if self._format == "json":
            self._print({"type": "file_finished", "file": wish.text.name, **outcome})

    def _print(self, row: dict[str, Any]) -> None:
        typer.echo(json.dumps(row))

    def _remark(self, wish: Wish, outcome: _Outcome) -> None:
        """Say on stderr what is wrong, or where nothing came of it."""
        name, done = wish.text.name, outcome.done
        if outcome.error:
            typer.echo(f"error: {outcome.error}", err=True)
        remark(done, outcome.new)
        for finding in done.findings:
            if finding not in outcome.new:
                typer.echo(f"check, as before the change: {finding}", err=True)
        if not outcome.complete:
            unwritten = ", and not written" if wish.write else ""
            typer.echo(f"the change of {name} is not complete{unwritten}", err=True)
        elif not outcome.diff:
            typer.echo(f"{name}: no change", err=True)
        if self._model.dialect == "lintseq" and not (outcome.complete and outcome.diff):
            typer.echo(
                f"{self._model.name} can only add lines; what needs lines to change or to go asks "
                "for a general model (--model)",
                err=True,
            )
