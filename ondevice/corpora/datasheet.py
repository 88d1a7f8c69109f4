"""What is written about a corpus: a report for programs, and a data sheet for people."""

from __future__ import annotations

import datetime
import json
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import ondevice
from ondevice.corpora import contamination, duplicates
from ondevice.corpora.build import HELD_OUT, TRAIN, Report

SCHEMA = 1


def write_report(report: Report, folder: Path) -> None:
    """Write report.json and DATASHEET.md."""
    made = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "ondevice": ondevice.__version__,
        "python": platform.python_version(),
    }
    content = json.dumps(as_json(report) | {"made": made}, indent=1) + "\n"
    (folder / "report.json").write_text(content, encoding="utf-8", newline="\n")
    text = "\n".join(_sheet(report, made)) + "\n"
    (folder / "DATASHEET.md").write_text(text, encoding="utf-8", newline="\n")


def as_json(report: Report) -> dict[str, Any]:
    """Return the report as a JSON object."""
    settings = asdict(report.settings)
    settings["against"] = [path.name for path in report.settings.against]
    return {
        "schema": SCHEMA,
        "settings": settings,
        "benchmarks": report.benchmarks,
        "parts": {
            part: {"rows": report.rows(part), "characters": report.characters(part)}
            for part in (TRAIN, HELD_OUT)
        },
        "left out": report.left_out(),
        "sources": [vars(one) for one in report.sources],
        "contaminated": report.contaminated,
    }


def _sheet(report: Report, made: dict[str, str]) -> Iterable[str]:
    settings = report.settings
    yield "# Data sheet\n"
    yield (
        f"Python from packages under permissive licenses, taken in by `ondevice corpus` "
        f"{made['ondevice']} on Python {made['python']}, {made['date']}.\n"
    )
    kinds = ("file", "function", "class")
    yield from _table(
        ("part", *(f"{kind} rows" for kind in kinds), "characters"),
        [
            (part, *(report.rows(part)[kind] for kind in kinds), report.characters(part))
            for part in (TRAIN, HELD_OUT)
            if part == TRAIN or settings.held_out
        ],
    )
    yield "\n## What was left out\n"
    yield from _table(("reason", "times"), report.left_out().most_common())
    yield (
        f"\nNear duplicates: MinHash with {duplicates.PERMUTATIONS} permutations over shingles of "
        f"{duplicates.SHINGLE} tokens, similarity {settings.threshold} and more. What trains is "
        "kept before what is held out, then what comes first by package, path and line.\n"
    )
    yield "## Benchmarks\n"
    rule = (contamination.__doc__ or "").partition("The rule: ")[2]
    yield f"Runs of {settings.n} words; the rule: {' '.join(rule.split())}\n"
    if report.benchmarks:
        yield from _table(("file", "rows"), list(report.benchmarks.items()))
        yield f"\n{len(report.contaminated)} rows were removed; report.json names each.\n"
    else:
        yield "None was named, so nothing was removed for one.\n"
    yield "## Packages\n"
    taken = [one for one in report.sources if not one.problem]
    yield from _table(
        ("package", "version", "license", "read from", "part", "files", "rows"),
        [
            (
                *(one.name, one.version, one.license, one.license_from, one.part),
                *(one.files, one.rows.total()),
            )
            for one in taken
        ],
    )
    if refused := [one for one in report.sources if one.problem]:
        yield "\n## Packages that were refused\n"
        yield from _table(
            ("package", "version", "reason"),
            [(one.name, one.version, one.problem) for one in refused],
        )


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterable[str]:
    yield "| " + " | ".join(head) + " |"
    yield "| " + " | ".join("---" for _ in head) + " |"
    for row in rows:
        yield "| " + " | ".join(_cell(value) for value in row) + " |"


def _cell(value: object) -> str:
    text = f"{value:,}" if isinstance(value, int) else str(value)
    return " ".join(text.replace("|", "\\|").split())
