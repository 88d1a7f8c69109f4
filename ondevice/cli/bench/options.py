"""Options that the commands on suites share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

SuiteName = Annotated[
    str,
    typer.Option(
        help="everyday-wordings, everyday-tasks, edits, edits-insert-only, edits-held-out, "
        "humaneval, humaneval+, mbpp, mbpp-sanitized, mbpp+, codecontests, ds-1000, "
        "bigcodebench-complete or bigcodebench-instruct."
    ),
]
SuiteFile = Annotated[
    Path | None,
    typer.Option(
        help="The suite's file, as published (.gz or not).  [default: it is fetched, once]"
    ),
]
Tasks = Annotated[
    Path, typer.Option(help="Folder of the everyday tasks and edits, from the repository.")
]
Limit = Annotated[
    int | None, typer.Option(min=1, help="Only the first problems; said beside the figures.")
]
LeaveOut = Annotated[
    list[str] | None,
    typer.Option(metavar="ID", help="Without this problem; said beside the figures."),
]
SelfTest = Annotated[bool, typer.Option(help="Judge the answers first that come with the suite.")]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Processes that judge.  [default: one a core]")
]


def judges(workers: int | None) -> int:
    """Return how many processes are to judge programs."""
    return workers or os.cpu_count() or 1
