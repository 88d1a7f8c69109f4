"""What each system says of its processor, clock, power and heat, by the standard library or one
command. Reading raises ``OSError``, ``ValueError`` or ``subprocess.SubprocessError`` where it
fails, and gives None where the system does not tell; how texts are parsed stands apart, so that it
can be tested on any system."""

from __future__ import annotations

import ctypes
import os
import re
import struct
import subprocess
import sys
import time
from pathlib import Path

_CPU = Path("/sys/devices/system/cpu")
_TICKS = ctypes.c_ulonglong


def processor() -> str | None:
    """Return what the maker calls the processor."""
    if sys.platform == "darwin":
        return said_by("sysctl", "-n", "machdep.cpu.brand_string").strip() or None
    if sys.platform == "win32":
        return str(_registry("ProcessorNameString")).strip()
    return cpuinfo_value(Path("/proc/cpuinfo").read_text(encoding="utf-8"), "model name")


def clock() -> tuple[float | None, float | None]:
    """Return the clock now and at its highest, in MHz, as means over processors."""
    if sys.platform == "darwin":
        # Known of Intel's processors alone, and only what they are sold as.
        return None, hertz_as_mhz(said_by("sysctl", "-n", "hw.cpufrequency_max"))
    if sys.platform == "win32":
        return windows_clock(_processor_power())
    now, highest = _frequency("scaling_cur_freq"), _frequency("cpuinfo_max_freq")
    if now is None:
        now = cpuinfo_mhz(Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    return now, highest


def governor() -> str | None:
    """Return the policy by which Linux sets the clock."""
    path = _CPU / "cpu0/cpufreq/scaling_governor"
    return path.read_text().strip() if path.exists() else None


def on_battery() -> bool | None:
    """Return whether the machine runs on its battery."""
    if sys.platform == "darwin":
        return pmset_on_battery(said_by("pmset", "-g", "batt"))
    if sys.platform == "win32":
        return _windows_on_battery()
    supplies = list(Path("/sys/class/power_supply").glob("*/online"))
    if not supplies:
        return None
    return not any(file.read_text().strip() == "1" for file in supplies)


def celsius() -> float | None:
    """Return what the hottest of Linux's sensors reads."""
    values = [int(file.read_text()) / 1000 for file in _zones()]
    return max(values, default=None)


def speed_limit() -> int | None:
    """Return to how many percent of its speed macOS holds the processor."""
    return pmset_speed_limit(said_by("pmset", "-g", "therm")) if sys.platform == "darwin" else None


def thermal_warning() -> int | None:
    """Return the level of macOS's thermal warning, None where it has recorded none."""
    if sys.platform != "darwin":
        return None
    return pmset_thermal_warning(said_by("pmset", "-g", "therm"))


def busy_processors(seconds: float = 0.3) -> float | None:
    """Return how many processors were busy, on average, while this process waited ``seconds``.

    So it is what other programs do, and no trace of what this one did before.
    """
    cores = os.cpu_count() or 1
    if sys.platform == "darwin":
        idle = top_idle(said_by("top", "-l", "2", "-s", "1", "-n", "0"))
        return None if idle is None else cores * (1 - idle)
    before = _idle_and_all()
    time.sleep(seconds)
    idle, every = (after - one for after, one in zip(_idle_and_all(), before, strict=True))
    return cores * (1 - idle / every) if every else None


def cpuinfo_value(text: str, name: str) -> str | None:
    """Return the first processor's entry of ``/proc/cpuinfo``."""
    found = re.search(rf"^{re.escape(name)}\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1].strip() if found else None


def cpuinfo_mhz(text: str) -> float | None:
    """Return the mean clock that ``/proc/cpuinfo`` gives, where there is no ``cpufreq``."""
    values = [float(one) for one in re.findall(r"^cpu MHz\s*:\s*([\d.]+)$", text, re.MULTILINE)]
    return sum(values) / len(values) if values else None


def proc_stat(text: str) -> tuple[int, int]:
    """Return the idle and all ticks of all processors since the start, from ``/proc/stat``.

    Waiting for a disk counts as idle; guests are left out, as they are counted as users, too.
    """
    ticks = [int(one) for one in text.partition("\n")[0].split()[1:9]]
    return ticks[3] + ticks[4], sum(ticks)


def top_idle(text: str) -> float | None:
    """Return the idle share in the last sample of macOS's ``top``."""
    found = re.findall(r"^CPU usage:.*?([\d.]+)% idle", text, re.MULTILINE)
    return float(found[-1]) / 100 if found else None


def hertz_as_mhz(text: str) -> float | None:
    """Return MHz for a number of hertz as text; None for none, or 0."""
    return (int(text) / 1e6 or None) if text.strip().isdigit() else None


def pmset_on_battery(text: str) -> bool | None:
    """Return what ``pmset -g batt`` says power is drawn from; None where it does not say."""
    found = re.search(r"Now drawing from '([^']+)'", text)
    return found[1] == "Battery Power" if found else None


def pmset_speed_limit(text: str) -> int | None:
    """Return the percentage in ``pmset -g therm``; Apple's own processors have none there."""
    found = re.search(r"CPU_Speed_Limit\s*=\s*(\d+)", text)
    return int(found[1]) if found else None


def pmset_thermal_warning(text: str) -> int | None:
    """Return the level in ``pmset -g therm``."""
    found = re.search(r"Thermal Warning Level\s*=\s*(\d+)", text)
    return int(found[1]) if found else None


def windows_clock(content: bytes) -> tuple[float | None, float | None]:
    """Return the clocks in what ``CallNtPowerInformation`` gives: for each processor a
    ``PROCESSOR_POWER_INFORMATION`` of six 32-bit numbers, of which the second and the third are
    the highest clock and the present one, in MHz."""
    found = list(struct.iter_unpack("<6I", content))
    if not found or not all(one[1] for one in found):
        return None, None
    now, highest = (sum(one[place] for one in found) / len(found) for place in (2, 1))
    return now, highest


def said_by(*command: str) -> str:
    """Return what a command prints."""
    return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout


def _zones() -> list[Path]:
    return list(Path("/sys/class/thermal").glob("thermal_zone*/temp"))


def _frequency(name: str) -> float | None:
    files = _CPU.glob(f"cpu[0-9]*/cpufreq/{name}")
    values = [int(file.read_text()) / 1000 for file in files]
    return sum(values) / len(values) if values else None


def _idle_and_all() -> tuple[int, int]:
    if sys.platform != "win32":
        return proc_stat(Path("/proc/stat").read_text(encoding="ascii"))
    idle, kernel, user = _TICKS(), _TICKS(), _TICKS()
    pointers = (ctypes.byref(one) for one in (idle, kernel, user))
    if not ctypes.windll.kernel32.GetSystemTimes(*pointers):  # type: ignore[attr-defined,unused-ignore]
        raise OSError("GetSystemTimes failed")
    # The kernel's time has the idle one in it.
    return idle.value, kernel.value + user.value


def _registry(name: str) -> object:
    import winreg

    path = r"HARDWARE\DESCRIPTION\System\CentralProcessor\0"
    with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, path) as key:  # type: ignore[attr-defined,unused-ignore]
        value: object = winreg.QueryValueEx(key, name)[0]  # type: ignore[attr-defined,unused-ignore]
        return value


def _processor_power() -> bytes:
    buffer = ctypes.create_string_buffer(24 * (os.cpu_count() or 1))
    information = 11  # ProcessorInformation
    call = ctypes.windll.powrprof.CallNtPowerInformation  # type: ignore[attr-defined,unused-ignore]
    if call(information, None, 0, buffer, len(buffer)):
        raise OSError("CallNtPowerInformation failed")
    return buffer.raw


def _windows_on_battery() -> bool | None:
    class PowerStatus(ctypes.Structure):
        _fields_ = (("line", ctypes.c_ubyte), ("rest", ctypes.c_ubyte * 11))

    status = PowerStatus()
    kernel32 = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]
    if not kernel32.GetSystemPowerStatus(ctypes.byref(status)) or status.line == 255:
        return None
    return bool(status.line == 0)
