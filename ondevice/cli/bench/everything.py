"""``ondevice bench all``: everything, and a page about it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ondevice.cli.bench.options import Tasks
from ondevice.cli.options import BackendName, ModelName

_SUITES = ("everyday-wordings", "everyday-tasks")
_QUICK: dict[str, Any] = {"limit": 40, "samples": 8}
_WHOLE: dict[str, Any] = {"limit": 170, "samples": 16}


def everything(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where the page and its figures go.")
    ] = Path("ondevice-bench"),
    model: ModelName = None,
    backend: BackendName = None,
    tasks: Tasks = Path("bench/everyday"),
    quick: Annotated[
        bool, typer.Option("--quick", help="Fewer problems and samples: minutes, not half an hour.")
    ] = False,
) -> None:
    """Speed, share of problems solved, and what more samples buy: a table, JSON and a page.

    Takes about half an hour for the bundled model. Started again with the same folder, it goes on
    where it was stopped.
    """
    from ondevice.cli.bench import latency, scaling
    from ondevice.cli.bench.passk import passk
    from ondevice.evaluation.report import bench_document, read_document

    folder.mkdir(parents=True, exist_ok=True)
    speeds, index = folder / "latency.json", folder / "index.html"
    if not speeds.exists():
        latency.latency(model=model, backend=backend, output=speeds)
    found = read_document(speeds)["latency"]
    common: dict[str, Any] = {"model": model, "backend": backend, "tasks": tasks}
    amount = _QUICK if quick else _WHOLE
    documents, curves = [], []
    if (tasks / "split.json").exists():
        for suite in _SUITES:
            output = folder / f"{suite}.json"
            passk(suite=suite, limit=amount["limit"], output=output, **common)
            documents += read_document(output)["passk"]
        for check in ("names", "none"):
            output = folder / f"samples-check-{check}.json"
            drawn: dict[str, Any] = {"temperature": 0.8, "check": check, "output": output, **amount}
            passk(suite=_SUITES[0], **drawn, **common)
            documents += read_document(output)["passk"]
            stored = folder / f"samples-check-{check}.samples.jsonl"
            curves.append(scaling.curve(stored, f"check {check}"))
        scaling.show(curves)
    else:
        typer.echo(f"there are no tasks in {tasks}: only the speed was measured", err=True)
    whole = bench_document(found["model"], found, documents, curves)
    latency.save(whole, whole, folder / "bench.json", index)
    typer.echo(f"{index}: the page; {folder / 'bench.json'}: its figures", err=True)
