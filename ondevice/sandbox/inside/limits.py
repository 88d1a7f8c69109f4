"""Limits of one process, as far as the system can set them."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from typing import Any

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

CONTROL = 240
"""Descriptors from here on are the judge's; no program can open or replace one, since each number
is above the limit that it gets."""

SHIFT = 10_000_000
"""Lines of tests are numbered from here on, so that their frames are told from a program's."""


def address_space() -> int:
    """Bytes of address space that this process has now; 0 where that is not told."""
    with contextlib.suppress(OSError), open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[0]) * 4096
    return 0


def prepare(limits: Mapping[str, Any], base: int) -> list[tuple[str, int, int]]:
    """Return what ``limit`` sets: names, numbers of the resources, and values.

    ``base``: the address space that a program does not answer for.
    """
    if resource is None:
        return []
    cpu = math.ceil(limits["cpu"] or limits["seconds"])
    wanted = {
        "cpu": ("RLIMIT_CPU", cpu + 1),
        "memory": ("RLIMIT_AS", base + limits["memory"]),
        "output": ("RLIMIT_FSIZE", limits["output"]),
        "processes": ("RLIMIT_NPROC", limits["processes"] + 2),  # the judge is two
        "files": ("RLIMIT_NOFILE", min(limits["files"], CONTROL)),
        "core": ("RLIMIT_CORE", 0),
    }
    found = []
    for name, (constant, value) in wanted.items():
        number = getattr(resource, constant, None)
        if number is not None:
            hard = resource.getrlimit(number)[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            found.append((name, number, value))
    return found


def limit(prepared: list[tuple[str, int, int]]) -> list[str]:
    """Limit this process and its children; return the names of what it is limited in."""
    done = []
    for name, number, value in prepared:
        # A limit that cannot be set is no verdict on the program: macOS has not all of them, and
        # refuses values that are below what is in use.
        try:
            resource.setrlimit(number, (value, value))
        except (ValueError, OSError):
            continue
        done.append(name)
    return done
