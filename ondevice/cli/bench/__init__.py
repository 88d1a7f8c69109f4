"""``ondevice bench``: measure a model on this machine, one file a command."""

from __future__ import annotations

import typer

from ondevice.cli.bench import compare, everything, latency, passk, scaling, score

app = typer.Typer(no_args_is_help=True, help="Measure a model on this machine.")


@app.callback()
def bench() -> None:
    """Measure a model on this machine."""


app.command("all")(everything.everything)
app.command("compare")(compare.compare)
app.command("latency")(latency.latency)
app.command("passk")(passk.passk)
app.command("scaling")(scaling.scaling)
app.command("score")(score.score)
