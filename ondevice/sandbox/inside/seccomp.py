"""Seccomp: the kernel refuses some system calls, to this process and its children.

A filter is a program for the kernel's packet filter (linux/seccomp.h, linux/bpf_common.h) over the
number and the arguments of each call.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import struct
from collections.abc import Callable

from ondevice.sandbox.inside.system import (
    ARCHITECTURE,
    NO_NEW_PRIVILEGES,
    SECCOMP,
    control,
    function,
)

_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _FAIL = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16  # offsets in seccomp_data, little-endian
_NAMESPACES = 0x7E020080  # flags of clone: all CLONE_NEW...
_THREAD = 0x00010000  # CLONE_THREAD
_FILTER_MODE = 2

# By architecture: its number in linux/audit.h, then the calls' numbers.
_AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# Network; other processes' memory; mounts and namespaces; the kernel's own affairs.
_REFUSED = {
    "socket": (41, 198),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "unshare": (272, 97),
    "setns": (308, 268),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 265),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "fanotify_init": (300, 262),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
}
_LEAVING = {"setsid": (112, 157), "setpgid": (109, 154)}
_FORKS = {"fork": (57, None), "vfork": (58, None)}
_CLONE, _CLONE3 = (56, 220), (435, 435)


def available() -> bool:
    """Whether filters for this architecture can be written here, and the kernel takes them."""
    try:
        control(21)  # PR_GET_SECCOMP
    except OSError:
        return False
    return ARCHITECTURE in _AUDIT


def refused_calls() -> bytes:
    """Return a filter against network, debugging, namespaces and what else no program needs."""
    # glibc falls back to clone, whose flags a filter can see.
    return _filter(_numbers(_REFUSED), errno_of={_pick(_CLONE3): errno.ENOSYS}, clone=_NAMESPACES)


def leaving() -> bytes:
    """Return a filter against leaving the process group."""
    return _filter(_numbers(_LEAVING))


def new_processes() -> bytes:
    """Return a filter against new processes; threads remain."""
    return _filter(_numbers(_FORKS), clone_without=_THREAD)


def install(program: bytes) -> None:
    """Put a filter up, for good. What it refuses fails with ``EPERM``. Raises ``OSError``."""
    control(NO_NEW_PRIVILEGES, 1)
    if prepared(program)() < 0:
        raise OSError(ctypes.get_errno(), "the kernel takes no filter")


def prepared(program: bytes) -> Callable[[], int]:
    """Return a call that puts a filter up where no new privileges are to be had; below 0: it did
    not."""
    code = ctypes.create_string_buffer(program)
    header = ctypes.create_string_buffer(
        struct.pack("@HP", len(program) // 8, ctypes.addressof(code))
    )
    numbers = map(ctypes.c_long, (SECCOMP, _FILTER_MODE))
    nothing = ctypes.c_long(0)
    call = functools.partial(function("prctl"), *numbers, header, nothing, nothing)
    call.code = code  # type: ignore[attr-defined]  # it has to stay where it is
    return call


def _pick(numbers: tuple[int | None, int | None]) -> int:
    number = numbers[0 if ARCHITECTURE == "x86_64" else 1]
    return -1 if number is None else number


def _numbers(calls: dict[str, tuple[int, int]] | dict[str, tuple[int, None]]) -> list[int]:
    return [number for numbers in calls.values() if (number := _pick(numbers)) >= 0]


def _filter(
    refused: list[int],
    errno_of: dict[int, int] | None = None,
    clone: int = 0,
    clone_without: int = 0,
) -> bytes:
    def operation(code: int, k: int, yes: int = 0, no: int = 0) -> bytes:
        return struct.pack("=HBBI", code, yes, no, k)

    fail = _FAIL | errno.EPERM
    parts = [
        operation(_LOAD, _ARCHITECTURE),
        operation(_JUMP_EQUAL, _AUDIT[ARCHITECTURE], 1, 0),
        operation(_RETURN, _KILL),
        operation(_LOAD, _NUMBER),
    ]
    if ARCHITECTURE == "x86_64":  # the numbers of x32, which are the same calls
        parts += [operation(_JUMP_AT_LEAST, 0x40000000, 0, 1), operation(_RETURN, fail)]
    for number, error in (dict.fromkeys(refused, errno.EPERM) | (errno_of or {})).items():
        parts += [operation(_JUMP_EQUAL, number, 0, 1), operation(_RETURN, _FAIL | error)]
    if flags := clone or clone_without:
        with_flag, without = (fail, _ALLOW) if clone else (_ALLOW, fail)
        parts += [
            operation(_JUMP_EQUAL, _pick(_CLONE), 0, 4),
            operation(_LOAD, _FIRST_ARGUMENT),
            operation(_JUMP_ANY_BIT, flags, 0, 1),
            operation(_RETURN, with_flag),
            operation(_RETURN, without),
        ]
    parts.append(operation(_RETURN, _ALLOW))
    return b"".join(parts)
