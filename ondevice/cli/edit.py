"""``ondevice edit``: changes programs that are there."""

from __future__ import annotations

import math
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from ondevice.cli.editing import Editing, Wish
from ondevice.cli.exits import DONE, INTERRUPTED
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
from ondevice.cli.patches import names
from ondevice.errors import RequestError
from ondevice.files import check_writable
from ondevice.prompts import asks_to_replace
from ondevice.textfile import Text, TextFile

STDIN = Path("-")


class Format(StrEnum):
    """What appears on stdout."""

    DIFF = "diff"
    TEXT = "text"
    JSON = "json"


def edit(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE", help="The programs to change; - is stdin."),
    ],
    prompt: Annotated[
        str, typer.Argument(metavar="PROMPT", help="What to change; - reads it from stdin.")
    ],
    write: Annotated[
        bool, typer.Option("--write", "-w", help="Write each change to its file, if complete.")
    ] = False,
    format: Annotated[
        Format,
        typer.Option(help="diff: for `git apply`. text: the program. json: events, one a line."),
    ] = Format.DIFF,
    model: ModelName = None,
    backend: BackendName = None,
    check: Checks = None,
    tests: TestsFile = None,
    samples: Samples = 1,
    retries: Retries = 8,
    depth: Depth = 1,
    max_tokens: MaxTokens = 768,
    max_seconds: MaxSeconds = None,
    seed: Seed = 0,
    temperature: Temperature = None,
    top_p: TopP = 0.95,
    top_k: TopK = 0,
    min_p: MinP = 0.0,
    context: Context = None,
    threads: Threads = None,
    stdin_filename: Annotated[
        str, typer.Option(metavar="NAME", help="What - is called in the prompt and the diff.")
    ] = "program.py",
) -> None:
    """Change programs, one after another, and show what differs.

    The difference goes to stdout as a patch: `ondevice edit f.py "..." | git apply` makes the
    change. On a terminal one sees it being made. Nothing is written without --write, which replaces
    a file at once or not at all: its mode, line ends, encoding and final newline stay, links are
    followed, and a file that someone else changed meanwhile is left alone. What was wrong with a
    file before does not count against a change. Files that are no Python have no check by default.

    A LintSeq model, such as the bundled one, takes the file for what it has written so far, and
    only adds lines to it. A general model with a chat template makes any change.

    With --format json, every event has its "file", and the last one of a file is "file_finished":
    whether the change is complete, whether it was written, and the diff, or the error.

    Exit code: 0 finished and checked, 1 unfinished or failing its check (and not written), 2 wrong
    usage or a file that cannot be changed, 3 model, file or dependency missing or damaged.
    """
    if STDIN in files and prompt == "-":
        raise RequestError("both the program and the prompt are to come from stdin; give one")
    instruction = read_prompt(prompt, 'say what to change: ondevice edit f.py "add a test"')
    wishes = _read_all(files, stdin_filename, write)
    parameters: dict[str, Any] = {
        "samples": samples,
        "tests": None if tests is None else read_tests(tests),
        "seed": seed,
        "temperature": (1.0 if samples > 1 else 0.0) if temperature is None else temperature,
        "top_p": top_p,
        "top_k": top_k,
        "min_p": min_p,
        "max_tokens": max_tokens,
        "max_seconds": max_seconds or math.inf,
        "retries": retries,
        "depth": depth,
    }

    import ondevice

    with ondevice.load(model, backend=backend, context_length=context, threads=threads) as loaded:
        if loaded.dialect == "lintseq" and asks_to_replace(instruction):
            typer.echo(
                f"note: {loaded.name} can only add lines, and this asks for lines to change or to "
                "go; a general model (--model) can do that",
                err=True,
            )
        editing = Editing(loaded, instruction, check, parameters, format.value)
        code = DONE
        for wish in wishes:
            try:
                code = max(code, editing.carry_out(wish))
            except KeyboardInterrupt:
                typer.echo(f"interrupted; {wish.text.name} is as it was", err=True)
                raise typer.Exit(INTERRUPTED) from None
    raise typer.Exit(code)


def _read_all(files: list[Path], stdin_filename: str, write: bool) -> list[Wish]:
    """Read all that is to be changed, so that what cannot be is found before a model is loaded."""
    if write and STDIN in files:
        raise RequestError("stdin cannot be written; --format text prints the changed program")
    texts = [
        Text.decode(sys.stdin.buffer.read(), stdin_filename)
        if file == STDIN
        else TextFile.read(file)
        for file in _once(files)
    ]
    read = [text for text in texts if isinstance(text, TextFile)]
    if write:
        for file in read:
            check_writable(file.path)
    called = iter(names([file.target for file in read]) if read else [])
    return [
        Wish(text, next(called) if isinstance(text, TextFile) else stdin_filename, write)
        for text in texts
    ]


def _once(files: list[Path]) -> list[Path]:
    seen = set()
    for file in files:
        target = file.resolve() if file != STDIN else file
        if target in seen:
            raise RequestError(f"{file} is given twice; one change would undo the other")
        seen.add(target)
    return files
