"""``ondevice doctor``: what is installed, what is missing, and what mends it."""

from __future__ import annotations

import dataclasses
import json
from enum import StrEnum
from typing import Annotated

import typer

from ondevice.cli.columns import columns
from ondevice.cli.exits import DONE, UNUSABLE


class Format(StrEnum):
    """How the diagnosis is printed."""

    TEXT = "text"
    JSON = "json"


def doctor(
    format: Annotated[Format, typer.Option(help="A table, or one JSON object.")] = Format.TEXT,
) -> None:
    """Show what is installed and what is missing.

    Every gap comes with the command that fills it, and every backend is tried.

    Exit code: 0 if `ondevice generate` works with the bundled model, 3 otherwise.
    """
    from ondevice.cli.diagnosis import diagnose

    diagnosis = diagnose()
    if format is Format.JSON:
        print(json.dumps(dataclasses.asdict(diagnosis), indent=2))
    else:
        states = {True: "ok", False: "BAD", None: "-"}
        print(columns((states[i.ok], i.name, i.detail) for i in diagnosis.items))
        if remedies := [i for i in diagnosis.items if i.remedy]:
            print("\nTo mend or add:")
            print(columns((f"  {i.name}", i.remedy or "") for i in remedies))
        print()
        print("Ready to generate." if diagnosis.ready else "Not ready to generate.")
    raise typer.Exit(DONE if diagnosis.ready else UNUSABLE)
