"""Calls of the Linux kernel that Python has no functions for."""

from __future__ import annotations

import ctypes
import os
import platform

NO_NEW_PRIVILEGES, SECCOMP, DUMPABLE, DEATH_SIGNAL, SUBREAPER = 38, 22, 4, 1, 36
ARCHITECTURE = platform.machine()

_library = ctypes.CDLL(None, use_errno=True) if os.name == "posix" else None


def call(name: str, *arguments: object) -> int:
    """Call a function of the C library; raise ``OSError`` where it fails or there is none."""
    function = getattr(_library, name, None)
    if function is None:
        raise OSError(f"this system has no {name}")
    result = function(*(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments))
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")
    return int(result)


def control(option: int, value: int = 0) -> None:
    """Call ``prctl``."""
    call("prctl", option, value, 0, 0, 0)
