"""Where the time of ours goes, and how it grows with a program."""

from __future__ import annotations

import cProfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from types import CodeType
from typing import Any

import numpy as np

from peers import ours
from peers.programs import Program

TOP = 25
REPEATS = 3


def profile(programs: list[Program], *, paths: int, seed: int) -> dict[str, Any]:
    """Profile ``fast`` on programs: seconds by module and by function, their own only."""
    profiler = cProfile.Profile()
    if programs:
        ours.run(programs[0], "fast", 1, seed)  # imports are no part of it
    for program in programs:
        profiler.enable()
        ours.run(program, "fast", paths, seed)
        profiler.disable()
    functions = [
        (entry.inlinetime, entry.callcount, *_place(entry.code)) for entry in profiler.getstats()
    ]
    total = sum(own for own, *_ in functions) or 1.0
    modules: defaultdict[str, float] = defaultdict(float)
    for own, _, module, _ in functions:
        modules[module] += own
    return {
        "programs": len(programs),
        "seconds under the profiler": round(total, 3),
        "share by module": {
            module: round(own / total, 4)
            for module, own in sorted(modules.items(), key=lambda pair: -pair[1])
            if own >= total / 200
        },
        "functions": [
            {"function": f"{module}: {name}", "share": round(own / total, 4), "calls": calls}
            for own, calls, module, name in sorted(functions, reverse=True)[:TOP]
        ],
    }


def growth(
    programs: list[Program], *, seed: int, on_progress: Callable[[str], None] | None = None
) -> dict[str, Any]:
    """Time one path of each program against its lines times its edits.

    The slopes are those of a straight line through the logarithms: 1 is proportional.
    """
    rows = []
    for program in sorted(programs, key=lambda program: program.lines):
        if on_progress:
            on_progress(f"profile: {program.name}")
        runs = [ours.run(program, "fast", 1, seed) for _ in range(REPEATS)]
        if not runs[0].failure:
            seconds = min(run.wall for run in runs)
            rows.append((program.name, program.lines, len(runs[0].paths[0]), seconds))
    result: dict[str, Any] = {
        "programs": len(rows),
        "files": [
            {"name": name, "lines": lines, "edits": edits, "seconds": round(seconds, 4)}
            for name, lines, edits, seconds in rows
        ],
    }
    if len(rows) > 2:
        seconds = np.log([row[3] for row in rows])
        lines = np.log([row[1] for row in rows])
        result["slope against lines"] = _slope(lines, seconds)
        result["slope against lines x edits"] = _slope(
            lines + np.log([row[2] for row in rows]), seconds
        )
    return result


def _slope(x: Any, y: Any) -> dict[str, float]:
    slope, _ = np.polyfit(x, y, 1)
    return {
        "slope": round(float(slope), 3),
        "correlation": round(float(np.corrcoef(x, y)[0, 1]), 3),
    }


def _place(code: CodeType | str) -> tuple[str, str]:
    """Return the module and the name of a function; one that is built in is known by its text."""
    if isinstance(code, str):
        return "builtins", code
    return _module(code.co_filename), code.co_name


def _module(file: str) -> str:
    """Return a file's module, as far as it is ours or a package's; no folders of this machine."""
    parts = Path(file).with_suffix("").parts
    for root in ("ondevice", "site-packages"):
        if root in parts:
            start = len(parts) - 1 - parts[::-1].index(root) + (root == "site-packages")
            return ".".join(parts[start:])
    return parts[-1]
