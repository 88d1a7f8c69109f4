"""The engine for a cluster: parts made by Ray Data, which see the source and the folder of parts.

A part is made whole or not at all and is the same whoever makes it, so that Ray may try one again
when it loses a worker.
"""

from __future__ import annotations

import atexit
import dataclasses
import functools
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ondevice.errors import CheckError, DataError, DependencyError, OndeviceError
from ondevice.lintseq import formats
from ondevice.lintseq.formats import Source, Span
from ondevice.lintseq.parts import Parts
from ondevice.lintseq.pool import Pool
from ondevice.lintseq.rows import Settings
from ondevice.rays import cluster

_BLOCKS = 1000
"""Pieces that the work is cut into, at most: Ray keeps an account of each."""

_ERRORS: dict[str, type[OndeviceError]] = {
    "DependencyError": DependencyError,
    "DataError": DataError,
}


@dataclass(frozen=True, slots=True)
class Job:
    """What is the same for all parts."""

    source: Path
    settings: Settings
    folder: Path
    timeout: float


def make_parts(job: Job, spans: list[Span], workers: int | None) -> Iterator[tuple[Span, int]]:
    """Make the parts of spans on the Ray that is running, or on one of this machine's own.

    Yields each span that is done with the number of its rows, in no order. Raises
    ``DependencyError`` when Ray is not installed, ``CheckError`` when it does not start or gives
    up, and what ``Pool`` raises.
    """
    if not spans:
        return
    with cluster(workers, "ray.data") as ray:
        yield from _map(ray, job, spans, workers)


def _map(ray: Any, job: Job, spans: list[Span], workers: int | None) -> Iterator[tuple[Span, int]]:
    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    items = [dataclasses.asdict(span) for span in spans]
    blocks = min(len(items), _BLOCKS)
    data = ray.data.from_items(items, override_num_blocks=blocks)
    by_number = {span.number: span for span in spans}
    compute = ray.data.TaskPoolStrategy(workers or None)
    for row in data.map(_make_part, fn_args=(job,), compute=compute).iter_rows():
        if row["error"]:
            raise _ERRORS.get(row["kind"], CheckError)(row["error"])
        yield by_number[row["number"]], row["rows"]


def _make_part(item: dict[str, Any], job: Job) -> dict[str, Any]:
    """Make one part, in a process of Ray's; an error that ends the run is told as text."""
    span = Span(**item)
    done = {"number": span.number, "rows": 0, "error": "", "kind": ""}
    try:
        source, pool = _tools(job)
        outcomes = (outcome for _, outcome in pool.outcomes(source.read(span)))
        done["rows"] = Parts(job.folder).write(span.number, outcomes).rows
    except (OndeviceError, OSError) as error:
        done.update(error=str(error) or repr(error), kind=type(error).__name__)
    return done


@functools.lru_cache(maxsize=1)
def _tools(job: Job) -> tuple[Source, Pool]:
    """Return what a process of Ray's keeps from part to part."""
    settings = job.settings
    source = formats.open_source(job.source, settings.field, into_table=settings.numbered)
    # A process of its own for the programs, which a limit of time or a crash can cost.
    pool = Pool(settings, 1, job.timeout)
    atexit.register(pool.close)
    return source, pool
