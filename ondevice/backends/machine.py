"""What this machine has: memory that can still be used, and cores worth using."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

from ondevice.errors import OutOfMemoryError

MAX_THREADS = 8
SMALL_MODEL = 32 * 2**20
"""Bytes of weights below which more threads gain less than they can lose."""

MOST_SEQUENCES = 16
CACHE_BYTES = 256 * 2**20


def sequences_that_fit(wanted: int | None, bytes_each: int) -> int:
    """Return how many sequences a model is opened with: so many as are wanted, or if that is left
    open, up to ``MOST_SEQUENCES``, as long as their cache takes no more than ``CACHE_BYTES``."""
    if wanted is not None:
        return wanted
    return max(1, min(MOST_SEQUENCES, CACHE_BYTES // max(1, bytes_each)))


def available_memory() -> int | None:
    """Return the bytes of memory that can be used without swapping; None where it is unknown.

    macOS does not tell, so the physical memory stands in for it there.
    """
    if sys.platform == "win32":
        return _windows_memory()
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except FileNotFoundError:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return None


def _windows_memory() -> int | None:
    class MemoryStatus(ctypes.Structure):
        _fields_ = (
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            ("total", ctypes.c_ulonglong),
            ("available", ctypes.c_ulonglong),
            ("rest", ctypes.c_ulonglong * 5),
        )

    status = MemoryStatus(length=ctypes.sizeof(MemoryStatus))
    kernel32 = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]
    done = kernel32.GlobalMemoryStatusEx(ctypes.byref(status))
    return int(status.available) if done else None


def check_memory(weights: int, cache: int, what: str) -> None:
    """Raise ``OutOfMemoryError`` when ``weights + cache`` bytes are more than is available.

    ``what`` names what the cache is for, as in "8 sequences of 1024 tokens".
    """
    available = available_memory()
    if available is not None and weights + cache > available:
        raise OutOfMemoryError(
            f"the model needs {_mib(weights)} for its weights and {_mib(cache)} for {what}, but "
            f"only {_mib(available)} of memory are available. Ask for a shorter context or fewer "
            "samples, use a smaller or quantized model, or close other programs"
        )


def usable_cores() -> int:
    """Return how many physical cores this process may use, or processors where that is unknown."""
    usable = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return min(_physical_cores() or usable, usable)


def default_threads(weights: int) -> int:
    """Return the number of threads for a model with ``weights`` bytes, unless told otherwise.

    One for a small model, else all physical cores that this process may use save one, at most
    ``MAX_THREADS``. The threads meet several hundred times for each token, so that one which
    another program keeps from its core stops them all: 2 threads on a busy two-core machine gave
    8 to 900 tokens per second where 1 gave 700 (5M parameters, measured).
    """
    if weights < SMALL_MODEL:
        return 1
    return max(1, min(usable_cores() - 1, MAX_THREADS))


def _physical_cores() -> int | None:
    try:
        blocks = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")
    except OSError:
        return None
    cores = {
        tuple(line for line in block.splitlines() if line.startswith(("physical id", "core id")))
        for block in blocks
    }
    return len(cores - {()}) or None


def _mib(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB"
