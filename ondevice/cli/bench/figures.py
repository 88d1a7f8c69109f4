"""What the commands on suites share: getting a suite ready, showing figures, writing them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ondevice.cli.columns import columns

if TYPE_CHECKING:
    from ondevice.evaluation.suites import Suite
    from ondevice.sandbox import Sandbox

_TOLD = ("check", "temperature")
"""Parameters in which measurements of one suite usually differ."""


def prepared(suite: Suite, sandbox: Sandbox, self_test: bool) -> tuple[Suite, int | None]:
    """Return the suite ready to judge by, and how many of its own answers passed.

    Raises ``CheckError`` when one does not pass.
    """
    from ondevice.evaluation.selftest import check_references
    from ondevice.files import cache_folder

    settled = suite.settled(sandbox, cache_folder() / "expected")
    if not self_test:
        return settled, None
    typer.echo("judging the answers first that come with the suite", err=True)
    return settled, check_references(settled, sandbox)


def show(suite: Suite, document: dict[str, Any]) -> None:
    """Print the figures of a document as a table."""
    figures = document["figures"]
    model, backend = document["model"], document["backend"]
    source = f"{model} on {backend}" if backend else model
    rows = [("suite", suite.label), ("model" if backend else "samples of", source)]
    parameters = document.get("parameters") or {}
    rows += [(name, str(parameters[name])) for name in _TOLD if name in parameters]
    rows += [(name, str(figures[name])) for name in ("problems", "samples")]
    for name in figures:
        if name.endswith("pass@k"):
            rows += [
                (name.replace("@k", f"@{k}"), _interval(found))
                for k, found in figures[name].items()
            ]
    if any(figures["mean"][name] for name in ("tokens", "edits")):
        rows += [(f"{name} a program", f"{mean:.3f}") for name, mean in figures["mean"].items()]
        cost = figures["tokens a passing program"]
        rows.append(("tokens a passing program", "none passed" if cost is None else f"{cost:.1f}"))
    for name in ("status", "finish_reason"):
        counts = figures[name].items()
        rows.append((name.replace("_", " "), ", ".join(f"{key} {count}" for key, count in counts)))
    print(columns(rows))


def _interval(found: dict[str, float]) -> str:
    return "{value:.1f}%  (95%: {low:.1f} to {high:.1f})".format(
        **{name: 100 * share for name, share in found.items()}
    )


def samples_path(output: Path) -> Path:
    """Return where the samples of a measurement lie, beside its figures."""
    return output.with_name(f"{output.name.removesuffix('.json')}.samples.jsonl")


def write_document(path: Path, document: dict[str, Any]) -> None:
    """Write a document as JSON; raises ``OSError``."""
    from ondevice.files import write_atomically

    write_atomically(path, json.dumps(document, indent=1) + "\n")
