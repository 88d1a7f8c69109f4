"""``ondevice bench compare``: what differs between two measurements beyond the noise."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ondevice.cli.columns import columns

if TYPE_CHECKING:
    from ondevice.evaluation.report import Difference

UNTOLD = 0.2
"""Changes of speed that have to be found for a figure without one to be called unchanged."""


def compare(
    first: Annotated[
        Path,
        typer.Argument(metavar="A", help="What `bench` wrote before, or a folder of several runs."),
    ],
    second: Annotated[Path, typer.Argument(metavar="B", help="What it wrote now.")],
) -> None:
    """Say what differs beyond the noise between two measurements of `bench`.

    All figures together are held to a level of 5%. The noise is what a run shows over stretches of
    its time; a machine that changes more slowly than that, from hour to hour, needs several runs of
    each side, in a folder: then a run is what is compared. The last column but one is the smallest
    change that would have been seen. Exit code 1 when something is worse.
    """
    from ondevice.errors import DataError
    from ondevice.evaluation import report

    sides = [report.read_runs(path) for path in (first, second)]
    found = report.compare(*sides)
    if not found:
        raise DataError(f"{first} and {second} have no figure in common")
    for text in _remarks(sides):
        typer.echo(f"note: {text}", err=True)
    rows: list[tuple[str, ...]] = [("", "A", "B", "B / A", "SEEN FROM", "")]
    for one in sorted(found, key=lambda one: (not one.counts, one.name)):
        figures = [f"{value:.3g}" for value in (one.first, one.second, one.ratio)]
        rows.append((one.name, *figures, _least(one), _verdict(one)))
    print(columns(rows))
    if any(one.better is False for one in found):
        raise typer.Exit(1)


def _remarks(sides: list[list[dict[str, Any]]]) -> list[str]:
    machines = [side[0]["machine"] or {} for side in sides]
    found = [
        f"{name} differs: {machines[0].get(name)} and {machines[1].get(name)}"
        for name in ("processor", "cores", "ondevice", "onnxruntime", "llama-cpp-python")
        if machines[0].get(name) != machines[1].get(name)
    ]
    if all(len(side) == 1 for side in sides) and all(side[0]["latency"] for side in sides):
        found.append(
            "one run on each side: a machine that became slower between them is not told from a "
            "change; folders of several runs, taken in turn, are"
        )
    return found


def _least(one: Difference) -> str:
    if math.isinf(one.least):
        return "nothing"
    if one.is_share:
        return f"{100 * one.least:.0f} points"
    return f"{one.least:.0%}" if one.least < 1 else f"{1 + one.least:.0f} times"


def _verdict(one: Difference) -> str:
    if one.counts:
        return "better" if one.better else "worse"
    return "within the noise" if one.least <= UNTOLD else "cannot be told"
