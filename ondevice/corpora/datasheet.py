"""What is written about a corpus: report.json for programs, DATASHEET.md for people."""

from __future__ import annotations

import contextlib
import datetime
import importlib.metadata
import json
import os
import platform
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import ondevice
from ondevice.corpora import contamination, duplicates
from ondevice.corpora.filters import REASONS
from ondevice.corpora.report import HELD_OUT, KINDS, TRAIN, Report

_LONGEST_LIST = 50
"""Removals that the data sheet names; the report has all."""


def write(report: Report, folder: Path, command: str = "") -> None:
    """Write both files; raises ``OSError`` when they cannot be."""
    date = _date()
    made = {"date": date, "command": command, "versions": _versions()}
    rules = {"duplicates": _rule(duplicates.__doc__), "contamination": _rule(contamination.__doc__)}
    content = {"made": made, "rules": rules} | report.as_json()
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    (folder / "report.json").write_bytes(text.encode())
    lines = [*_head(report, date, command), *_body(report, rules)]
    (folder / "DATASHEET.md").write_bytes(("\n".join(lines) + "\n").encode())


def _head(report: Report, date: str, command: str) -> Iterator[str]:
    versions = ", ".join(f"{name} {version}" for name, version in _versions().items())
    yield "# Data sheet\n"
    yield f"A corpus of Python under permissive licenses, made on {date} with {versions}"
    yield f"by `{command}`.\n" if command else "from Python.\n"
    yield "Each row keeps the license of its source, which asks for its notice to be kept when the"
    yield "text is passed on. A row's `source` says where it stands.\n"
    yield "## Size\n"
    rows = []
    for part in (TRAIN, HELD_OUT) if report.settings.held_out else (TRAIN,):
        for kind in (*KINDS, None):
            size = report.size(part, kind)
            rows.append((part, kind or "all", size.rows, size.bytes, size.tokens))
    yield from _table(("part", "kind", "rows", "bytes", "tokens"), rows)
    yield "\nTokens are identifiers, numbers and operators, not those of a model.\n"
    yield "## Licenses\n"
    under = [(name, size.rows, size.bytes, size.tokens) for name, size in report.licenses().items()]
    yield from _table(("license of the package", "rows", "bytes", "tokens"), under)


def _body(report: Report, rules: dict[str, str]) -> Iterator[str]:
    yield "\n## What was left out\n"
    files = report.total("files").most_common()
    yield from _table(("files", "why", "number"), [(key, REASONS[key], n) for key, n in files])
    if "functions" in report.settings.pieces:
        yield ""
        found: Counter[str] = report.total("definitions")
        yield from _table(("functions and classes", "number"), found.most_common())
    yield ""
    yield from _table(("rows", "number"), report.total("rows").most_common())
    yield "\n## Duplicates\n"
    yield f"{rules['duplicates']}\n"
    yield ", ".join(f"{name}: {value}" for name, value in report.duplicates.items()) + ".\n"
    yield from _benchmarks(report, rules["contamination"])
    yield from _packages(report)


def _benchmarks(report: Report, rule: str) -> Iterator[str]:
    yield "## Benchmarks\n"
    if not report.benchmarks:
        yield "None was named, so nothing was removed for one.\n"
        return
    yield f"{rule}\n"
    yield f"ngram: {report.settings.ngram}, common: {report.settings.common}.\n"
    yield from _table(
        ("file", "rows", "texts", "SHA-256"),
        [(one.file, one.rows, one.texts, one.sha256) for one in report.benchmarks],
    )
    yield (
        f"\n{len(report.removed):,} rows were removed. {len(report.boilerplate):,} shared runs are "
        "boilerplate and removed nothing. report.json names all.\n"
    )
    if report.removed:
        yield from _table(
            ("removed row", "benchmark", "shared run"),
            [
                (
                    f"{one.source['distribution']}: {one.source['path']}:{one.source['line']}",
                    f"{one.overlap.benchmark}: {one.overlap.row}",
                    one.overlap.ngram,
                )
                for one in report.removed[:_LONGEST_LIST]
            ],
        )
        yield ""


def _packages(report: Report) -> Iterator[str]:
    yield "## Packages\n"
    yield from _table(
        ("package", "version", "license", "read from", "part", "files kept", "of", "rows"),
        [
            (
                *(one.name, one.version, one.license, one.license_from, one.part),
                *(one.files_kept, one.files, sum(size.rows for size in one.kept.values())),
            )
            for one in report.packages
            if not one.left_out
        ],
    )
    if left_out := [one for one in report.packages if one.left_out]:
        yield "\n## Packages left out\n"
        yield from _table(
            ("package", "version", "read from", "why"),
            [(one.name, one.version, one.license_from, one.left_out) for one in left_out],
        )


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "| " + " | ".join("---" for _ in head) + " |"
    for row in rows:
        yield "| " + " | ".join(map(_cell, row)) + " |"


def _cell(value: object) -> str:
    text = f"{value:,}" if isinstance(value, int) else str(value)
    return " ".join(text.replace("|", "\\|").split())


def _rule(docstring: str | None) -> str:
    """Return a module's docstring without its first sentence, as one line."""
    return " ".join((docstring or "").partition("\n\n")[2].split())


def _date() -> str:
    """Return today's date, or the one that reproducible builds ask for."""
    if epoch := os.environ.get("SOURCE_DATE_EPOCH", ""):
        with contextlib.suppress(ValueError, OverflowError, OSError):
            return datetime.datetime.fromtimestamp(int(epoch), datetime.UTC).date().isoformat()
    return datetime.datetime.now(datetime.UTC).date().isoformat()


def _versions() -> dict[str, str]:
    versions = {"ondevice": ondevice.__version__, "Python": platform.python_version()}
    for name in ("datasketch", "packaging", "pyflakes"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return versions
