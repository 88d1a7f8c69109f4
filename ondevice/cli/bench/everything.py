"""``ondevice bench all``: everything, and a page about it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ondevice.cli.bench.options import Limit, Tasks
from ondevice.cli.options import BackendName, ModelName

_SUITES = ("everyday-wordings", "everyday-tasks")
_CHECKS = ("names", "none")
# Problems of each suite, and samples of each problem where several are drawn.
_QUICK, _WHOLE = (40, 8), (170, 16)
_PARAMETERS: dict[str, Any] = {
    "temperature": 0.0,
    "top_p": 0.95,
    "max_tokens": 768,
    "check": "names",
    "retries": 8,
    "constrain": True,
    "width": None,
}
_TEMPERATURE = 0.8


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
    limit: Limit = None,
) -> None:
    """Speed, share of problems solved, and what more samples buy: a table, JSON and a page.

    Takes about half an hour for the bundled model. Started again with the same folder, it goes on
    where it was stopped; what lies there of another model, machine or amount gets another name,
    and is measured anew.
    """
    folder.mkdir(parents=True, exist_ok=True)
    problems, samples = _QUICK if quick else _WHOLE
    try:
        _measure(folder, tasks, limit or problems, samples, (model, backend, None))
    except KeyboardInterrupt:
        typer.echo("\nstopped; the same command goes on from here", err=True)
        raise


def _measure(
    folder: Path,
    tasks: Path,
    problems: int,
    samples: int,
    loading: tuple[str | None, str | None, int | None],
) -> None:
    from ondevice.cli.bench.figures import samples_path
    from ondevice.cli.bench.latency import save
    from ondevice.cli.bench.scaling import curve, show
    from ondevice.evaluation.report import WHOLE, bench_document

    speeds = _speeds(folder / "latency.json", *loading[:2])
    documents, curves = [], []
    if (tasks / "split.json").exists():
        measured = _Measured(tasks, problems, loading)
        documents = [measured.document(suite, folder / f"{suite}.json") for suite in _SUITES]
        for check in _CHECKS:
            output = folder / f"samples-check-{check}.json"
            drawn = {"temperature": _TEMPERATURE, "check": check}
            documents.append(measured.document(_SUITES[0], output, samples, **drawn))
            curves.append(curve(samples_path(output), f"check {check}"))
        print()
        show(curves)
    else:
        typer.echo(f"there are no tasks in {tasks}: only the speed was measured", err=True)
    whole = bench_document(speeds["model"], speeds, documents, curves)
    output, page = folder / WHOLE, folder / "index.html"
    save(whole, whole, output, page)
    typer.echo(f"{page}: the page; {output}: its figures", err=True)


def _speeds(path: Path, model: str | None, backend: str | None) -> dict[str, Any]:
    """Return the document of speeds that is stored, or if it is of something else, a new one."""
    from ondevice.cli.bench.figures import write_document
    from ondevice.cli.bench.latency import show
    from ondevice.cli.bench.progress import stage_progress
    from ondevice.evaluation.latency import LatencyPlan, measure
    from ondevice.files import set_aside

    plan = LatencyPlan()
    if path.exists():
        stored, other = _stored(path, model, backend, plan)
        if stored and not other:
            typer.echo(f"{path}: the speed was measured already", err=True)
            show(stored)
            return stored
        kept = set_aside(path)
        typer.echo(f"measuring anew: {path} is of {other}; it is {kept} now", err=True)
    with stage_progress() as tell:
        found = measure(model, backend, plan, tell)
    write_document(path, found)
    show(found)
    return found


def _stored(
    path: Path, model: str | None, backend: str | None, plan: Any
) -> tuple[dict[str, Any] | None, str]:
    from ondevice.errors import DataError
    from ondevice.evaluation.latency import differences
    from ondevice.evaluation.report import read_document

    try:
        stored: dict[str, Any] = read_document(path)["latency"]
        return stored, "; ".join(differences(stored, model, backend, plan))
    except (DataError, KeyError, TypeError, AttributeError):
        return None, "another version, or damaged"


class _Measured:
    """Problems of the everyday suites, answered by a model."""

    def __init__(
        self, tasks: Path, problems: int, loading: tuple[str | None, str | None, int | None]
    ) -> None:
        self.tasks, self.problems, self.loading = tasks, problems, loading

    def document(
        self, name: str, output: Path, samples: int = 1, **parameters: Any
    ) -> dict[str, Any]:
        """Measure what is not stored yet, print and write the figures, and return them."""
        from ondevice.cli.bench.passk import Engine, Run
        from ondevice.evaluation.drawing import Plan
        from ondevice.evaluation.suites import load_suite

        suite = load_suite(name, None, self.tasks).only(self.problems)
        plan = Plan(samples, 0, False, _PARAMETERS | parameters)
        said = f"check {plan.parameters['check']}, samples of each problem: {samples}"
        typer.echo(f"\n{suite.label}, {said}", err=True)
        run = Run(suite, plan, self.loading, Engine.LOCAL, None, True)
        run.measure(output, False, aside=True)
        print()
        return run.report(output, None)
