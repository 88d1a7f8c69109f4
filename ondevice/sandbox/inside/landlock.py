"""Landlock: the kernel refuses files outside of some folders, to this process and its children.

Source of the numbers: linux/landlock.h, and its documentation for what each version (ABI) brought.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
from collections.abc import Iterable

from ondevice.sandbox.inside.system import NO_NEW_PRIVILEGES, call, control

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # system calls, the same on every architecture
_VERSION_FLAG = 1
_PATH_BENEATH = 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_FOLDER = 1, 2, 4, 8
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
_TCP = 0b11  # bind, connect
_SCOPES = 0b11  # abstract sockets, signals to processes that are not restricted likewise


def version() -> int:
    """Return which version of Landlock this kernel has; 0: none."""
    try:
        return call("syscall", _CREATE, None, 0, _VERSION_FLAG)
    except OSError:
        return 0


def restrict(readable: Iterable[str], writable: Iterable[str]) -> int:
    """Leave this process what is below ``readable`` (and may be executed) and ``writable``.

    Paths that are not there are passed over. Returns the version, 0 where nothing was done.
    """
    abi = version()
    if not abi:
        return 0
    everything = (1 << 13) - 1 | (_REFER if abi >= 2 else 0) | (_TRUNCATE if abi >= 3 else 0)
    handled = struct.pack("=QQQ", everything, _TCP if abi >= 4 else 0, _SCOPES if abi >= 6 else 0)
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    rules = call("syscall", _CREATE, ctypes.create_string_buffer(handled, 24), size, 0)
    try:
        for path in readable:
            _allow(rules, path, _EXECUTE | _READ_FILE | _READ_FOLDER)
        for path in writable:
            _allow(rules, path, everything)
        control(NO_NEW_PRIVILEGES, 1)
        call("syscall", _RESTRICT, rules, 0)
    finally:
        os.close(rules)
    return abi


def _allow(rules: int, path: str, access: int) -> None:
    with contextlib.suppress(FileNotFoundError, PermissionError):
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            if not os.path.isdir(path):
                access &= _OF_FILES
            rule = ctypes.create_string_buffer(struct.pack("=Qi", access, place), 12)
            call("syscall", _ADD, rules, _PATH_BENEATH, rule, 0)
        finally:
            os.close(place)
