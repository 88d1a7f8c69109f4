"""What a fresh process pays: to import, to load, to come to the first token; and its memory."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from ondevice.errors import CheckError
from ondevice.evaluation.latency.plan import LatencyPlan, Variant

_PROGRAM = """
import json, sys, time
started = time.perf_counter()
import ondevice
imported = time.perf_counter()
settings = json.loads(sys.argv[1])
options = {name: settings[name] for name in ("backend", "threads")}
with ondevice.load(settings["file"], **options) as model:
    loaded = time.perf_counter()
    stream = model.stream(settings["request"], max_tokens=settings["max_tokens"])
    next(stream)
    first = time.perf_counter()
    for _ in stream: pass
try:
    import resource
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
except ImportError:
    peak = None
print(json.dumps({"import": imported - started, "load": loaded - imported,
                  "first_token": first - loaded, "peak_bytes": peak}))
"""


def run_fresh(variant: Variant, plan: LatencyPlan) -> dict[str, Any]:
    """Run one process; return ``import``, ``load``, ``first_token`` (seconds) and ``peak_bytes``.

    Raises ``CheckError`` when it fails.
    """
    settings = {
        "file": str(variant.file),
        "backend": variant.backend,
        "threads": variant.threads,
        "request": plan.requests[0],
        "max_tokens": plan.max_tokens,
    }
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, json.dumps(settings)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = done.stderr.strip().rpartition("\n")[2]
        raise CheckError(f"a process that loads {settings['file']} failed: {last}")
    content: dict[str, Any] = json.loads(done.stdout)
    return content


def summarize_fresh(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return ``import_seconds``, ``load_seconds`` and ``first_token_seconds`` (medians over
    processes, of which all but the first find the file in the system's cache) and ``peak_bytes``
    (None where the system does not tell: Windows)."""
    medians = {
        f"{name}_seconds": round(statistics.median(one[name] for one in found), 4)
        for name in ("import", "load", "first_token")
    }
    peaks = [one["peak_bytes"] for one in found if one["peak_bytes"] is not None]
    return {**medians, "peak_bytes": max(peaks, default=None)}
