"""What disturbs a measurement: other programs, slow clocks, battery, heat. Read where the system
tells, and left out where it does not."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BUSY = 0.25
"""Processors' worth of other work, as a share of all, above which figures are not to be trusted."""
HOT = 85.0
"""Degrees Celsius from which processors usually slow down."""
SLOW = 0.8
"""Share of its highest frequency below which a processor is taken to be held back."""


def read_conditions() -> dict[str, Any]:
    """Return what can be read: ``load`` (processes that wanted to run, mean of the last minute),
    ``mhz`` and ``max_mhz`` (means over processors), ``governor``, ``on_battery``, ``celsius`` (the
    hottest sensor), ``throttled`` (what macOS says of its speed limit, in percent)."""
    readers = {
        "load": _load,
        "mhz": lambda: _frequency("scaling_cur_freq"),
        "max_mhz": lambda: _frequency("cpuinfo_max_freq"),
        "governor": _governor,
        "on_battery": _on_battery,
        "celsius": _celsius,
        "speed_limit": _speed_limit,
    }
    found = {}
    for name, reader in readers.items():
        with contextlib.suppress(OSError, ValueError, subprocess.SubprocessError, AttributeError):
            value = reader()
            if value is not None:
                found[name] = value
    return found


def warnings(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return what should be said beside figures that were taken between two readings.

    The load is judged before alone, as the measurement itself makes it afterwards.
    """
    return list(_warnings(before, after))


def _warnings(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    cores = os.cpu_count() or 1
    if before.get("load", 0) > BUSY * cores:
        yield (
            f"other programs kept {before['load']:.1f} of {cores} processors busy; close them for "
            "figures that can be repeated"
        )
    if before.get("on_battery") or after.get("on_battery"):
        yield "the machine runs on its battery, which may slow it down; plug it in"
    if after.get("celsius", 0) >= HOT:
        yield f"a sensor read {after['celsius']:.0f} °C; heat may have slowed the processor"
    if before.get("governor") == "powersave" and "max_mhz" in before:
        mhz, highest = after.get("mhz", 0), before["max_mhz"]
        if mhz < SLOW * highest:
            yield f"the processor ran at {mhz:.0f} of {highest:.0f} MHz (governor powersave)"
    if after.get("speed_limit", 100) < 100:
        yield f"macOS holds the processor at {after['speed_limit']}% of its speed"


def _load() -> float | None:
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def _frequency(name: str) -> float | None:
    files = Path("/sys/devices/system/cpu").glob(f"cpu[0-9]*/cpufreq/{name}")
    values = [int(file.read_text()) / 1000 for file in files]
    return sum(values) / len(values) if values else None


def _governor() -> str | None:
    path = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    return path.read_text().strip() if path.exists() else None


def _on_battery() -> bool | None:
    if sys.platform == "darwin":
        return "Battery Power" in _said_by("pmset", "-g", "batt")
    if sys.platform == "win32":
        return _windows_on_battery()
    supplies = list(Path("/sys/class/power_supply").glob("*/online"))
    if not supplies:
        return None
    return not any(file.read_text().strip() == "1" for file in supplies)


def _windows_on_battery() -> bool | None:
    class PowerStatus(ctypes.Structure):
        _fields_ = (("line", ctypes.c_ubyte), ("rest", ctypes.c_ubyte * 11))

    status = PowerStatus()
    kernel32 = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]
    if not kernel32.GetSystemPowerStatus(ctypes.byref(status)) or status.line == 255:
        return None
    return bool(status.line == 0)


def _celsius() -> float | None:
    files = Path("/sys/class/thermal").glob("thermal_zone*/temp")
    values = [int(file.read_text()) / 1000 for file in files]
    return max(values, default=None)


def _speed_limit() -> int | None:
    if sys.platform != "darwin":
        return None
    found = re.search(r"CPU_Speed_Limit\s*=\s*(\d+)", _said_by("pmset", "-g", "therm"))
    return int(found[1]) if found else None


def _said_by(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout
