"""What disturbs a measurement: other programs, slow clocks, battery, heat. Read where the system
tells, and left out where it does not."""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ondevice.evaluation import sensors

BUSY = 0.25
"""Processors' worth of other work, as a share of all, above which figures are not to be trusted."""
HOT = 85.0
"""Degrees Celsius from which processors usually slow down."""
SLOW = 0.8
"""Share of its highest frequency below which a processor is taken to be held back."""


def read_conditions() -> dict[str, Any]:
    """Return what can be read: ``mhz`` and ``max_mhz`` (means over processors), ``governor``,
    ``on_battery``, ``celsius`` (the hottest sensor), ``speed_limit`` (to how many percent macOS
    holds the processor) and ``thermal_warning`` (macOS's level)."""
    mhz, highest = _tried(sensors.clock) or (None, None)
    found = {
        "mhz": mhz,
        "max_mhz": highest,
        "governor": _tried(sensors.governor),
        "on_battery": _tried(sensors.on_battery),
        "celsius": _tried(sensors.celsius),
        "speed_limit": _tried(sensors.speed_limit),
        "thermal_warning": _tried(sensors.thermal_warning),
    }
    return {name: value for name, value in found.items() if value is not None}


def read_busy() -> dict[str, Any]:
    """Return ``busy``: how many processors other programs keep busy, in a moment's wait."""
    busy = _tried(sensors.busy_processors)
    return {} if busy is None else {"busy": round(busy, 3)}


def warnings(readings: Sequence[dict[str, Any]]) -> list[str]:
    """Return what should be said beside figures that were taken under these conditions.

    A reading is that of ``read_busy`` before a round of measuring, when nothing of this process
    runs, and that of ``read_conditions`` after it, when the processor is still at its task.
    """
    return list(_warnings(readings))


def _warnings(readings: Sequence[dict[str, Any]]) -> Iterator[str]:
    cores = os.cpu_count() or 1

    def values(name: str) -> list[Any]:
        return [one[name] for one in readings if name in one]

    busy = statistics.fmean(values("busy") or [0])
    if busy > BUSY * cores:
        yield (
            f"other programs kept {busy:.1f} of {cores} processors busy; close them for figures "
            "that can be repeated"
        )
    if any(values("on_battery")):
        yield "the machine runs on its battery, which may slow it down; plug it in"
    if max(values("celsius"), default=0) >= HOT:
        yield f"a sensor read {max(values('celsius')):.0f} °C; heat may have slowed the processor"
    if "powersave" in values("governor") and values("max_mhz") and values("mhz"):
        mhz, highest = statistics.fmean(values("mhz")), max(values("max_mhz"))
        if mhz < SLOW * highest:
            yield f"the processor ran at {mhz:.0f} of {highest:.0f} MHz (governor powersave)"
    if min(values("speed_limit"), default=100) < 100:
        yield f"macOS held the processor at {min(values('speed_limit'))}% of its speed"
    if max(values("thermal_warning"), default=0) > 0:
        yield f"macOS warned of heat (level {max(values('thermal_warning'))})"


def _tried(reader: Callable[[], Any]) -> Any:
    with contextlib.suppress(OSError, ValueError, subprocess.SubprocessError, AttributeError):
        return reader()
    return None
