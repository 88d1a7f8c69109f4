"""Corpora: a file of programs becomes a file of edit sequences, and no row ends the run."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.metadata
import os
import sys
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import ondevice
from ondevice.errors import DataError
from ondevice.lintseq import formats
from ondevice.lintseq.formats import Source, Span
from ondevice.lintseq.formats.jsonl import JsonlSource
from ondevice.lintseq.parts import Parts, parts_folder
from ondevice.lintseq.pool import Pool
from ondevice.lintseq.rows import Format, Outcome, Row, Settings
from ondevice.lintseq.summary import Summary

__all__ = ["Summary", "refactor_file"]

PART_ROWS = 128
"""Rows of the source a part: what a run that is killed loses is less than that, a worker."""

Progress = Callable[[int, int], None]


def refactor_file(
    source: Path,
    target: Path,
    *,
    linter: str = "fast",
    samples: int = 1,
    seed: int = 0,
    field: str = "program",
    format: Format = "edits",
    max_size: int = 1_000_000,
    timeout: float = 60.0,
    workers: int | None = None,
    engine: Literal["local", "ray"] = "local",
    restart: bool = False,
    part_rows: int = PART_ROWS,
    on_progress: Progress | None = None,
) -> Summary:
    """Refactor every program of a corpus into ``samples`` edit sequences, a row each.

    Source and target are JSONL, JSONL with gzip, Parquet, or folders of Hugging Face datasets: the
    source by what it holds, the target by its name. A row holds a program in ``field``, as it is
    or in the Python fences of a Markdown text, or a list of programs in ``programs``. The rows of
    ``target`` keep its columns and add ``edits`` (a list of diffs) and ``sequence`` (what a model
    writes after its prompt); ``field`` holds the program. With the format ``plain`` one edit writes
    the whole program. What cannot be refactored, is longer than ``max_size`` characters, or takes
    longer than ``timeout`` seconds goes to ``TARGET.rejected.jsonl``, with the number of its row
    and the reason.

    ``workers`` is the number of processes, by default one a core; with 0 everything happens in
    this process, without limits of time and with linters that are registered here alone. What
    comes out does not depend on it, nor on the engine. Both files appear whole, at the end; until
    then they grow in a folder beside ``target``, in parts of ``part_rows`` rows of the source, and
    the same call goes on with what an earlier one left there, unless it is to ``restart``.
    ``on_progress`` is told after each row how much of the source is done, and how much it has.

    Raises ``DataError`` for settings that cannot be, a damaged source, or the parts of a run with
    other settings, ``DependencyError`` when a package is not installed, ``CheckError`` when no
    process can be started, and ``OSError`` when a file cannot be read or written.
    """
    kind = formats.kind_of(target)
    settings = Settings(linter, samples, seed, field, format, max_size, utf8=kind.is_table)
    settings.check()
    _check_limits(timeout, workers, part_rows, engine)
    target = Path(os.path.realpath(target))
    rejected = target.with_name(f"{target.name}.rejected.jsonl")
    for output in (target, rejected):
        if output.exists() and output.samefile(source):
            raise DataError(f"{source} would be overwritten; choose another file to write to")
    parts = Parts(parts_folder(target))
    opened = formats.open_source(source, field, into_table=kind.is_table)
    with contextlib.closing(opened), contextlib.closing(parts):
        settings = dataclasses.replace(settings, numbered=kind.is_table and opened.is_table)
        formats.check_target(target)
        run = _description(source, kind.value, settings, timeout, part_rows)
        parts.begin(run, restart=restart)
        spans = _missing(opened, parts, part_rows)
        if engine == "ray":
            _run_on_ray(opened, settings, parts, spans, timeout, workers, on_progress)
        else:
            count = available_cores() if workers is None else workers
            with Pool(settings, count, timeout) as pool:
                _run_here(opened, parts, spans, pool, part_rows, on_progress)
        if run["source"] != formats.identity(source):
            raise DataError(f"{source} changed while it was read; run it again with --restart")
        summary = parts.summary()
        parts.join_rejections(rejected)
        formats.join(parts, opened, target, settings, part_rows)
        parts.remove()
    return summary


def available_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _check_limits(timeout: float, workers: int | None, part_rows: int, engine: str) -> None:
    if not 0 < timeout <= 1e6:
        raise DataError(f"the limit must be above 0 and at most 1,000,000 s, not {timeout:g}")
    if workers is not None and workers < 0:
        raise DataError(f"there cannot be {workers} workers")
    if part_rows < 1:
        raise DataError(f"a part must have at least 1 row, not {part_rows}")
    if engine not in ("local", "ray"):
        raise DataError(f"no engine is called {engine!r}; there are local and ray")


def _description(
    source: Path, kind: str, settings: Settings, timeout: float, part_rows: int
) -> dict[str, Any]:
    """Return all that decides what the parts hold."""
    python = ".".join(map(str, sys.version_info[:2]))
    versions = [f"ondevice {ondevice.__version__}", f"Python {python}"]
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        if settings.linter in ("pylint", "ruff"):
            versions.append(f"{settings.linter} {importlib.metadata.version(settings.linter)}")
    return {
        "source": formats.identity(source),
        "target": kind,
        "linter": settings.linter,
        "samples": settings.samples,
        "seed": settings.seed,
        "field": settings.field,
        "format": settings.format,
        "max-size": settings.max_size,
        "timeout": timeout,
        "rows a part": part_rows,
        "versions": ", ".join(versions),
    }


def _missing(source: Source, parts: Parts, part_rows: int) -> Iterator[Span]:
    """Yield the spans that no earlier run has made, and count all."""
    parts.count = 0
    for span in source.spans(part_rows):
        parts.count += 1
        if not parts.is_whole(span.number):
            yield span


def _run_here(
    source: Source,
    parts: Parts,
    spans: Iterator[Span],
    pool: Pool,
    part_rows: int,
    on_progress: Progress | None,
) -> None:
    def rows() -> Iterator[Row]:
        for span in spans:
            empty = True
            for row in source.read(span):
                empty = False
                yield row
            if empty:
                parts.write(span.number, ())

    def told(pairs: Iterator[tuple[Row, Outcome]]) -> Iterator[Outcome]:
        for row, outcome in pairs:
            yield outcome
            if on_progress:
                on_progress(row.end, source.size)

    # Outcomes come in the order of the rows, so one part is written at a time.
    outcomes = pool.outcomes(rows())
    for number, pairs in groupby(outcomes, lambda pair: (pair[0].number - 1) // part_rows):
        parts.write(number, told(pairs))


def _run_on_ray(
    source: Source,
    settings: Settings,
    parts: Parts,
    spans: Iterator[Span],
    timeout: float,
    workers: int | None,
    on_progress: Progress | None,
) -> None:
    from ondevice.lintseq import rays

    todo = list(spans)
    size = todo[-1].end if todo else 0
    done = size - sum(span.end - span.start for span in todo)
    path = source.path.absolute()
    if todo and isinstance(source, JsonlSource) and source.zipped:
        path = source.unzip(parts.folder / "source.jsonl")
    job = rays.Job(path, settings, parts.folder, timeout)
    for span, rows in rays.make_parts(job, todo, workers):
        parts.note(span.number)
        done += span.end - span.start
        if on_progress:
            for _ in range(rows):
                on_progress(done, size)
