"""The document of a whole benchmark (schema ``ondevice-bench/1``): ``schema``, ``machine``,
``model``, ``latency`` (a document of ``latency.measure``, or null), ``passk`` (a list of documents
of ``passk``), ``scaling`` (a list: ``label``, and the curves of ``scaling.scaling``).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ondevice.errors import DataError
from ondevice.evaluation.figures import PASSK_SCHEMA
from ondevice.evaluation.latency.measure import LATENCY_SCHEMA
from ondevice.evaluation.machine import describe_machine

BENCH_SCHEMA = "ondevice-bench/1"
WHOLE = "bench.json"
"""What the document is called in the folder of ``bench all``."""


def bench_document(
    model: str,
    latency: dict[str, Any] | None = None,
    passk: Sequence[dict[str, Any]] = (),
    scaling: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """Return the document of what was measured."""
    return {
        "schema": BENCH_SCHEMA,
        "machine": describe_machine(),
        "model": model,
        "latency": latency,
        "passk": list(passk),
        "scaling": list(scaling),
    }


def label(passk: dict[str, Any]) -> str:
    """Return what tells a measurement of pass@k from others of the same suite."""
    parameters = passk.get("parameters") or {}
    said = [f"{name} {parameters[name]}" for name in ("check", "temperature") if name in parameters]
    return ", ".join([passk["suite"], *said])


def read_document(path: Path) -> dict[str, Any]:
    """Read a document of ``bench``; one of a part alone becomes a whole with that part.

    Raises ``DataError`` for what is no such document.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        schema = content["schema"]
    except FileNotFoundError as error:
        raise DataError(f"there is no file {path}") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is no document of `ondevice bench`: {error!r}") from error
    if schema == BENCH_SCHEMA:
        # A part may be older than what reads it now.
        schema = (content.get("latency") or {"schema": LATENCY_SCHEMA})["schema"]
        if schema == LATENCY_SCHEMA:
            return dict(content)
    machine = {"machine": content.get("machine")}
    if schema == LATENCY_SCHEMA:
        return bench_document(content["model"], latency=content) | machine
    if schema == PASSK_SCHEMA:
        return bench_document(content["model"], passk=[content]) | machine
    raise DataError(
        f"{path} has the schema {schema!r}; this version reads {BENCH_SCHEMA}, {LATENCY_SCHEMA} "
        f"and {PASSK_SCHEMA}; measure it anew"
    )


def read_runs(path: Path) -> list[dict[str, Any]]:
    """Read one document, or those of a folder: what ``bench all`` left there, or several runs.

    Raises ``DataError`` for what is no such document, and for a folder without one.
    """
    if not path.is_dir():
        return [read_document(path)]
    if (path / WHOLE).exists():
        return [read_document(path / WHOLE)]
    files = sorted(path.glob("*.json"))
    if not files:
        raise DataError(f"there is no document of `ondevice bench` (.json) in the folder {path}")
    return [read_document(file) for file in files]
