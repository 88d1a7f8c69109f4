"""``ondevice train``: a model from a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def train(
    recipe: Annotated[
        Path, typer.Argument(metavar="RECIPE", help="The file that holds all settings.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the checkpoints.  [default: named after the recipe]"),
    ] = None,
    start: Annotated[
        Path | None,
        typer.Option("--from", help="Folder of a checkpoint to begin with, instead of anew."),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads to compute with.  [default: PyTorch's]")
    ] = None,
) -> None:
    """Train a model from a recipe.

    Started again with the same folder, it resumes from the last checkpoint.
    """
    from ondevice.training.run import train as run

    folder = run(
        recipe,
        out or Path(recipe.stem),
        lambda line: typer.echo(line, err=True),
        start=start,
        threads=threads,
    )
    print(folder)
