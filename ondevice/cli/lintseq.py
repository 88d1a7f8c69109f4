"""``ondevice lintseq``: programs to edit sequences."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from ondevice.cli.exits import INTERRUPTED, UNFINISHED


class Format(StrEnum):
    """What is made of a program."""

    edits = "edits"
    plain = "plain"


class Engine(StrEnum):
    """What the work is done on."""

    local = "local"
    ray = "ray"


def lintseq(
    source: Annotated[
        Path | None,
        typer.Argument(
            metavar="IN",
            help="Programs: JSONL, JSONL with gzip, Parquet, or a folder of Hugging Face datasets.",
        ),
    ] = None,
    target: Annotated[
        Path | None,
        typer.Argument(
            metavar="OUT",
            help="Edit sequences, in the format that the name says: .jsonl, .jsonl.gz, .parquet; "
            "without an ending, a folder of Hugging Face datasets.",
        ),
    ] = None,
    linter: Annotated[
        str,
        typer.Option(
            help="fast (syntax, names and more, in process), ruff, pylint, or none: random edits."
        ),
    ] = "fast",
    samples: Annotated[int, typer.Option(min=1, help="Edit sequences a program.")] = 1,
    seed: Annotated[int, typer.Option(help="The same seed gives the same sequences.")] = 0,
    field: Annotated[
        str,
        typer.Option(help="The field with the program, plain or in the fences of Markdown."),
    ] = "program",
    format: Annotated[
        Format,
        typer.Option(help="edits, or plain: one edit that writes the whole program."),
    ] = Format.edits,
    max_size: Annotated[
        int, typer.Option(min=1, help="Characters above which a program is rejected.")
    ] = 1_000_000,
    timeout: Annotated[
        float, typer.Option(help="Seconds after which a program is rejected.")
    ] = 60.0,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Processes; what comes out is the same.  [default: one a core]"),
    ] = None,
    engine: Annotated[
        Engine, typer.Option(help="local, or ray: on a cluster that sees the same files.")
    ] = Engine.local,
    restart: Annotated[
        bool, typer.Option("--restart", help="Throw away what an interrupted run left.")
    ] = False,
    verify: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Instead: replay the edit sequences of FILE, and judge every state by --linter.",
        ),
    ] = None,
    compat: Annotated[
        bool,
        typer.Option(
            "--compat", help="With --verify: count what the published resolver makes otherwise."
        ),
    ] = False,
) -> None:
    """Turn programs into edit sequences.

    Every state on the way from nothing to the program passes the linter. What is rejected goes to
    OUT.rejected.jsonl, with the reason. Interrupted, the same command goes on where it was.
    """
    if verify is not None:
        if source is not None:
            raise typer.BadParameter("goes without IN and OUT", param_hint="--verify")
        _verify(verify, linter=linter, field=field, compat=compat)
        return
    if compat:
        raise typer.BadParameter("goes with --verify", param_hint="--compat")
    if source is None or target is None:
        raise typer.BadParameter("both are needed", param_hint="IN OUT")
    _refactor(
        source,
        target,
        linter=linter,
        samples=samples,
        seed=seed,
        field=field,
        format=format.value,
        max_size=max_size,
        timeout=timeout,
        workers=workers,
        engine=engine.value,
        restart=restart,
    )


def _refactor(source: Path, target: Path, **options: Any) -> None:
    from ondevice.cli.rate import row_progress
    from ondevice.lintseq.corpus import refactor_file

    try:
        with row_progress() as tell:
            summary = refactor_file(source, target, on_progress=tell, **options)
    except KeyboardInterrupt:
        typer.echo("interrupted; the same command goes on where this one stopped", err=True)
        raise typer.Exit(INTERRUPTED) from None
    typer.echo(summary, err=True)


def _verify(path: Path, **options: Any) -> None:
    from ondevice.cli.rate import row_progress
    from ondevice.lintseq.replay import verify_file

    with row_progress() as tell:
        report = verify_file(path, on_progress=tell, **options)
    typer.echo(report)
    if not report.ok:
        raise typer.Exit(UNFINISHED)
