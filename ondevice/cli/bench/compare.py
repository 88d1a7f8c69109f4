"""``ondevice bench compare``: what differs between two measurements beyond the noise."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ondevice.cli.columns import columns


def compare(
    first: Annotated[Path, typer.Argument(metavar="A.json", help="What `bench` wrote before.")],
    second: Annotated[Path, typer.Argument(metavar="B.json", help="What it wrote now.")],
) -> None:
    """Say what differs beyond the noise between two documents of `bench`.

    Speeds by Welch's t-test at 1% over the repetitions, and 2% at least; shares of problems by a
    bootstrap over those that both have. Exit code 1 when something is worse.
    """
    from ondevice.errors import DataError
    from ondevice.evaluation import report

    documents = [report.read_document(path) for path in (first, second)]
    found = report.compare(*documents)
    if not found:
        raise DataError(f"{first} and {second} have no figure in common")
    machines = [document["machine"] or {} for document in documents]
    for name in ("processor", "cores", "ondevice", "onnxruntime", "llama-cpp-python"):
        if machines[0].get(name) != machines[1].get(name):
            one, other = (machine.get(name) for machine in machines)
            typer.echo(f"note: {name} differs: {one} and {other}", err=True)
    rows: list[tuple[str, ...]] = [("", "A", "B", "B / A", "")]
    for one in sorted(found, key=lambda one: (not one.counts, one.name)):
        verdict = {True: "better", False: "worse", None: "within the noise"}[one.better]
        figures = [f"{value:.3g}" for value in (one.first, one.second, one.ratio)]
        rows.append((one.name, *figures, verdict))
    print(columns(rows))
    if any(one.better is False for one in found):
        raise typer.Exit(1)
