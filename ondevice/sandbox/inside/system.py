"""Calls of the Linux kernel that Python has no functions for."""

from __future__ import annotations

import ctypes
import os
import platform
from typing import Any

NO_NEW_PRIVILEGES, SECCOMP, DUMPABLE, DEATH_SIGNAL, SUBREAPER = 38, 22, 4, 1, 36
ARCHITECTURE = platform.machine()

_library = ctypes.CDLL(None, use_errno=True) if os.name == "posix" else None


def function(name: str) -> Any:
    """Return a function of the C library; raise ``OSError`` where it has none of that name."""
    found = getattr(_library, name, None)
    if found is None:
        raise OSError(f"this system has no {name}")
    return found


def call(name: str, *arguments: object) -> int:
    """Call a function of the C library; raise ``OSError`` where it fails or there is none."""
    wide = (ctypes.c_long(one) if isinstance(one, int) else one for one in arguments)
    result = function(name)(*wide)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")
    return int(result)


def control(option: int, value: int = 0) -> None:
    """Call ``prctl``."""
    call("prctl", option, value, 0, 0, 0)
