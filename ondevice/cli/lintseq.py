"""``ondevice lintseq``: programs to edit sequences."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def lintseq(
    source: Annotated[Path, typer.Argument(metavar="IN.jsonl", help="Programs, one a line.")],
    target: Annotated[Path, typer.Argument(metavar="OUT.jsonl", help="Edit sequences.")],
    linter: Annotated[
        str, typer.Option(help="fast (syntax and names, in process), pylint or none.")
    ] = "fast",
    samples: Annotated[int, typer.Option(min=1, help="Edit sequences a program.")] = 1,
    seed: Annotated[int, typer.Option(help="The same seed gives the same sequences.")] = 0,
    field: Annotated[str, typer.Option(help="The field that holds the program.")] = "program",
) -> None:
    """Turn programs into edit sequences.

    Every state on the way from nothing to the program passes the linter.
    """
    from ondevice.lintseq.corpus import refactor_file

    summary = refactor_file(source, target, linter=linter, samples=samples, seed=seed, field=field)
    typer.echo(summary, err=True)
