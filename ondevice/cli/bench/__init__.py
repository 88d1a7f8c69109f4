"""``ondevice bench``: measure a model on this machine, one file a command."""

from __future__ import annotations

import typer

from ondevice.cli.bench import passk, score

app = typer.Typer(no_args_is_help=True, help="Measure a model on this machine.")


@app.callback()
def bench() -> None:
    """Measure a model on this machine."""


app.command("passk")(passk.passk)
app.command("score")(score.score)
