"""``ondevice edit``: changes a program that is there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ondevice.cli.exits import DONE, INTERRUPTED, UNFINISHED
from ondevice.cli.generate import read_tests
from ondevice.cli.options import BackendName, MaxTokens, ModelName, Retries
from ondevice.cli.output import check_writable, save
from ondevice.errors import RequestError

CONTEXT = 3


def edit(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The program to change.")],
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="What to change.")],
    write: Annotated[
        bool, typer.Option("--write", help="Write the change to FILE, if it is complete.")
    ] = False,
    model: ModelName = None,
    backend: BackendName = None,
    check: Annotated[
        list[str] | None,
        typer.Option(metavar="CHECK", help="What each edit must pass.  [default: names]"),
    ] = None,
    tests: Annotated[
        Path | None, typer.Option(help="A program of asserts that the result must pass.")
    ] = None,
    retries: Retries = 8,
    max_tokens: MaxTokens = 768,
    seed: Annotated[int, typer.Option(help="The same seed gives the same change.")] = 0,
    temperature: Annotated[
        float, typer.Option(min=0, help="0 takes the likeliest token; 1 samples as trained.")
    ] = 0.0,
) -> None:
    """Change a program, and show the difference.

    The difference goes to stdout, as a patch. A LintSeq model, such as the bundled one, takes the
    file for what it has written so far, and adds lines to it.

    Exit code: 0 finished and checked, 1 unfinished or failing its check (and not written), 2 wrong
    usage, 3 model, file or dependency missing or damaged.
    """
    source = _read(file)
    if write:
        check_writable(file)

    import ondevice

    try:
        with ondevice.load(model, backend=backend) as loaded:
            result = loaded.edit(
                prompt,
                source=source,
                path=file.name,
                check=check or "names",
                tests=None if tests is None else read_tests(tests),
                retries=retries,
                max_tokens=max_tokens,
                seed=seed,
                temperature=temperature,
            )
    except KeyboardInterrupt:
        typer.echo("interrupted; the file is as it was", err=True)
        raise typer.Exit(INTERRUPTED) from None
    typer.echo(_patch(file.name, source, result.text), nl=False)
    for finding in result.findings:
        typer.echo(f"check: {finding}", err=True)
    if result.finish_reason != "complete" or result.findings:
        typer.echo(f"the change is not complete ({result.finish_reason})", err=True)
        raise typer.Exit(UNFINISHED)
    if write and result.text != source:
        save(file, result.text)
    raise typer.Exit(DONE)


def _patch(name: str, source: str, text: str) -> str:
    """Return the difference as git and patch apply it."""
    from ondevice.edits import Buffer, Unified, diff

    edit = diff(Buffer.verbatim(source), Buffer.verbatim(text), CONTEXT)
    return Unified(name).write(edit)


def _read(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise RequestError(f"there is no file {file}") from None
    except UnicodeDecodeError:
        raise RequestError(f"{file} is no UTF-8 text") from None
    except OSError as error:
        raise RequestError(f"{file} cannot be read: {error.strerror}") from None
