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
from ondevice.cli.options import BackendName, MaxTokens, ModelName, Retries
from ondevice.cli.output import check_writable, save
from ondevice.cli.presenters import (
    DiffPresenter,
    JsonPresenter,
    Presenter,
    SamplesPresenter,
    TextPresenter,
    printable,
)
from ondevice.cli.replay import Replays
from ondevice.errors import RequestError
from ondevice.events import Done, Event


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
    check: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CHECK",
            help="What each edit must pass: names (syntax, and every name is bound), syntax, "
            "ruff, pylint or none; several are asked in order.  [default: names]",
        ),
    ] = None,
    retries: Retries = 8,
    depth: Annotated[
        int, typer.Option(min=0, help="How many accepted edits to withdraw after that.")
    ] = 1,
    constraint: Annotated[
        bool, typer.Option(help="Let the model write only hunks that apply.")
    ] = True,
    samples: Annotated[
        int,
        typer.Option(
            "--samples", "-n", min=1, help="Programs to write together; the best is printed."
        ),
    ] = 1,
    tests: Annotated[
        Path | None,
        typer.Option(help="A program of asserts; the first sample that passes ends the search."),
    ] = None,
    width: Annotated[
        int | None,
        typer.Option(min=1, help="Samples in one batch.  [default: as many as have room]"),
    ] = None,
    max_tokens: MaxTokens = 768,
    max_seconds: Annotated[
        float | None, typer.Option(min=0, help="Time after which to stop.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same program.")] = 0,
    temperature: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="0 takes the likeliest token; 1 samples as trained.  [default: 0, or 1 with "
            "--samples]",
        ),
    ] = None,
    top_p: Annotated[
        float, typer.Option(min=0, max=1, help="Sample from this share of the probability.")
    ] = 0.95,
    top_k: Annotated[int, typer.Option(min=0, help="Sample from this many tokens; 0 for all.")] = 0,
    min_p: Annotated[
        float, typer.Option(min=0, max=1, help="Least probability, relative to the likeliest.")
    ] = 0.0,
    context: Annotated[
        int | None, typer.Option(min=1, help="Context length in tokens.  [default: the model's]")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads to compute with.  [default: one per core]")
    ] = None,
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
    instruction = _read_prompt(prompt)
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
            _remark(done)
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
    # Asked of the stream itself: FORCE_COLOR makes rich call a pipe a terminal.
    if format is Format.TEXT or not sys.stdout.isatty():
        return TextPresenter(sys.stdout)

    from rich.console import Console

    from ondevice.cli.live import LivePresenter

    console = Console(highlight=False)
    if console.is_dumb_terminal or console.legacy_windows:
        return TextPresenter(sys.stdout)
    return LivePresenter(console, sys.stderr)


def read_tests(path: Path) -> str:
    """Return what stands in a file of tests; raises ``RequestError`` where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"the tests in {path} cannot be read: {error}") from error


def _read_prompt(prompt: str) -> str:
    try:
        text = sys.stdin.read() if prompt == "-" else prompt
        text.encode()
    except UnicodeError:
        raise RequestError("the prompt is no valid UTF-8 text") from None
    if not text.strip():
        raise RequestError('the prompt is empty; say what to write: ondevice generate "a stack"')
    return text.strip()


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


def _remark(done: Done) -> None:
    """Say on stderr why the program is not what was asked for, if it is not."""
    remarks = {
        "length": "unfinished: the tokens are used up; --max-tokens allows more",
        "context": "unfinished: the context is full; --context allows more, up to the model's own",
        "time": "unfinished: the time is used up; --max-seconds allows more",
        "size": "unfinished: the program has too many lines",
        "retries": "unfinished: no edit applied; --retries allows more attempts",
        "cancelled": "interrupted; what was accepted until then is kept",
    }
    if remark := remarks.get(done.finish_reason):
        typer.echo(remark, err=True)
    for finding in done.findings:
        typer.echo(f"check: {finding}", err=True)
