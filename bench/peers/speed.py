"""How many programs a second: ours with the linter ``fast`` beside the published LintSeq.

Both run in this process, one after the other on each program, pylint warm: that favors the
published one, whose workers start afresh. Seconds are the wall clock's, since some machines count
a processor's in steps longer than ours takes; ours is run several times, and the median taken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from peers import ours
from peers.programs import Program
from peers.published import Published

REPETITIONS = 5
"""Runs of ours of each program."""


def measure(
    programs: list[Program],
    *,
    paths: int,
    seed: int,
    published: Published | None,
    warm: Program,
    on_progress: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Time both on each program; ``warm`` is run before, and not counted."""
    ours.run(warm, "fast", 1, seed)
    if published:
        published.run(warm.text, 1, seed)
    rows: list[tuple[Program, ours.Run, Any]] = []
    for number, program in enumerate(programs):
        if on_progress:
            on_progress(f"speed: {program.name}")
        # In turns, lest one always finds the caches as the other left them.
        if number % 2 or not published:
            mine = _median_run(program, paths, seed)
        theirs = published.run(program.text, paths, seed) if published else None
        if not number % 2 and published:
            mine = _median_run(program, paths, seed)
        rows.append((program, mine, theirs))
    both = [row for row in rows if not row[1].failure and not (row[2] and row[2].failure)]
    result: dict[str, Any] = {
        "programs": len(rows),
        "programs that both refactored" if published else "refactored": len(both),
        "lines": sum(row[0].lines for row in both),
        "paths": paths,
        "ours": _side([row[1] for row in rows], [row[1] for row in both]),
    }
    if published:
        result["published"] = _side([row[2] for row in rows], [row[2] for row in both])
        result["published"]["limit in seconds a program"] = published.limit
        result["ratio"] = _ratio([(row[2].wall, row[1].wall) for row in both])
    return result


def _median_run(program: Program, paths: int, seed: int) -> ours.Run:
    runs = [ours.run(program, "fast", paths, seed) for _ in range(REPETITIONS)]
    return sorted(runs, key=lambda run: run.wall)[REPETITIONS // 2]


def _side(runs: list[Any], counted: list[Any]) -> dict[str, Any]:
    """Sum up one side over the programs that both refactored, failures over all."""
    wall = sum(run.wall for run in counted)
    return {
        "failures": dict(Counter(run.failure for run in runs if run.failure).most_common()),
        "edits": sum(len(path) for run in counted for path in run.paths),
        "processor seconds": round(sum(run.cpu for run in counted), 3),
        "seconds": round(wall, 3),
        "programs per second and core": round(len(counted) / wall, 2) if wall else None,
        "longest program in seconds": round(max((run.wall for run in counted), default=0.0), 3),
    }


def _ratio(pairs: list[tuple[float, float]]) -> dict[str, float] | None:
    if not pairs:
        return None
    theirs, mine = np.array(pairs).T
    low, middle, high = np.percentile(theirs / mine, [25, 50, 75])
    return {
        "of total times": round(float(theirs.sum() / mine.sum()), 1),
        "median of programs": round(float(middle), 1),
        "first quartile": round(float(low), 1),
        "third quartile": round(float(high), 1),
    }
