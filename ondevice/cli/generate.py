"""``ondevice generate``: writes a program."""

from __future__ import annotations

import math
import sys
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ondevice.cli.exits import DONE, INTERRUPTED, STDOUT_CLOSED, UNFINISHED, USAGE
from ondevice.cli.inputs import read_prompt, read_tests
from ondevice.cli.options import (
    BackendName,
    Checks,
    Context,
    Depth,
    MaxSeconds,
    MaxTokens,
    MinP,
    ModelName,
    Retries,
    Samples,
    Seed,
    Temperature,
    TestsFile,
    Threads,
    TopK,
    TopP,
)
from ondevice.cli.output import save
from ondevice.cli.presenters import (
    DiffPresenter,
    JsonPresenter,
    Presenter,
    SamplesPresenter,
    TextPresenter,
    printable,
    remark,
)
from ondevice.errors import RequestError
from ondevice.events import Done, Event
from ondevice.files import check_writable
from ondevice.replay import Replays


class Format(StrEnum):
    """What appears on stdout."""

    LIVE = "live"
    TEXT = "text"
    DIFF = "diff"
    JSON = "json"


def generate(
    prompt: Annotated[
        str, typer.Argument(metavar="PROMPT", help="What to write; - reads it from stdin.")
    ],
    model: ModelName = None,
    backend: BackendName = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Also write the program to this file.")
    ] = None,
    format: Annotated[
        Format | None,
        typer.Option(
            help="live: watch it grow, where stdout is a terminal (text elsewhere). text: the "
            "program. diff: the edits, for `patch`. json: every event, one a line.  "
            "[default: live]",
            show_default=False,
        ),
    ] = None,
    check: Checks = None,
    retries: Retries = 8,
    depth: Depth = 1,
    constraint: Annotated[
        bool, typer.Option(help="Let the model write only hunks that apply.")
    ] = True,
    samples: Samples = 1,
    tests: TestsFile = None,
    width: Annotated[
        int | None,
        typer.Option(min=1, help="Samples in one batch.  [default: as many as have room]"),
    ] = None,
    max_tokens: MaxTokens = 768,
    max_seconds: MaxSeconds = None,
    seed: Seed = 0,
    temperature: Temperature = None,
    top_p: TopP = 0.95,
    top_k: TopK = 0,
    min_p: MinP = 0.0,
    context: Context = None,
    threads: Threads = None,
) -> None:
    """Write a program, edit by edit.

    The model writes small diffs; each is applied as it arrives, checked, and taken back and
    written anew if it fails. The program goes to stdout, everything else to stderr.

    With --format diff, every edit is a patch of its own, under a line "# edit N", and
    `ondevice generate ... --format diff | patch -p1` writes program.py.

    With --samples, several programs are written in one batch, and the best is printed: one that
    passes --tests, is finished, has the fewest findings, is likeliest.

    Exit code: 0 finished and checked, 1 unfinished or failing its check (but printed), 2 wrong
    usage, 3 model, file or dependency missing or damaged. Ctrl-C keeps what was accepted.
    """
    instruction = read_prompt(prompt, 'say what to write: ondevice generate "a stack"')
    if output is not None:
        _warn_unwritable(output)
    if temperature is None:
        temperature = 1.0 if samples > 1 else 0.0

    import ondevice

    with ondevice.load(model, backend=backend, context_length=context, threads=threads) as loaded:
        stream = loaded.stream(
            instruction,
            samples=samples,
            tests=None if tests is None else read_tests(tests),
            seed=seed,
            temperature=temperature,
            top_p=top_p,
            top_k=top_k,
            min_p=min_p,
            max_tokens=max_tokens,
            max_seconds=max_seconds or math.inf,
            check=check or "names",
            retries=retries,
            depth=depth,
            constrain=constraint,
            width=width,
        )
        raise typer.Exit(deliver(stream, _presenter(format, samples), output))


def deliver(events: Generator[Event, None, None], presenter: Presenter, output: Path | None) -> int:
    """Show a stream, save its program, say what is wrong with it; return the exit code."""
    with presenter, closing(events):
        done, code = _follow(events, presenter)
    failure = _save(done, output)
    if code != STDOUT_CLOSED:
        try:
            presenter.finish(done)
            remark(done, done.findings)
        except BrokenPipeError:
            code = STDOUT_CLOSED
    if failure:
        typer.echo(f"error: {failure}", err=True)
        code = code or USAGE
    return code


def _follow(events: Iterator[Event], presenter: Presenter) -> tuple[Done, int]:
    """Show all events; where that is cut short, return what was accepted until then."""
    replay = Replays()
    try:
        for event in events:
            replay.add(event)
            presenter.show(event)
        assert isinstance(event, Done)
    except KeyboardInterrupt:
        done = replay.cancelled()
        with suppress(BrokenPipeError):
            presenter.show(done)
        return done, INTERRUPTED
    except BrokenPipeError:
        return replay.cancelled(), STDOUT_CLOSED
    complete = event.finish_reason == "complete" and not event.findings
    return event, DONE if complete else UNFINISHED


def _presenter(format: Format | None, samples: int) -> Presenter:
    if format is Format.JSON:
        return JsonPresenter(sys.stdout)
    if format is Format.DIFF:
        return DiffPresenter(sys.stdout)
    if samples > 1:
        return SamplesPresenter(sys.stdout, sys.stderr, samples)
    if format is Format.TEXT or not sys.stdout.isatty():  # and nothing of rich is needed
        return TextPresenter(sys.stdout)

    from ondevice.cli.live import LivePresenter, live_console

    console = live_console()
    return LivePresenter(console, sys.stderr) if console else TextPresenter(sys.stdout)


def _warn_unwritable(output: Path) -> None:
    try:
        check_writable(output)
    except RequestError as error:
        typer.echo(f"warning: {error}; the program will only be printed", err=True)


def _save(done: Done, output: Path | None) -> RequestError | None:
    if output is not None:
        try:
            save(output, printable(done.text))
        except RequestError as error:
            return error
    return None
