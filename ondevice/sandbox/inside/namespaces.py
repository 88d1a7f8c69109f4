"""Namespaces: a world without network and with processes and a disk of its own, for any user."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import stat
import struct
import sys

from ondevice.sandbox.inside.system import DEATH_SIGNAL, DUMPABLE, call, control

_NEW_USER, _NEW_MOUNTS, _NEW_PROCESSES = 0x10000000, 0x00020000, 0x20000000
_NEW_NETWORK, _NEW_IPC, _NEW_NAMES = 0x40000000, 0x08000000, 0x04000000
_ALL = _NEW_USER | _NEW_MOUNTS | _NEW_PROCESSES | _NEW_NETWORK | _NEW_IPC | _NEW_NAMES
_PRIVATE, _NOT_SETUID, _NO_DEVICES = 0x44000, 2, 4  # MS_PRIVATE with MS_REC; MS_NOSUID; MS_NODEV
_NOBODY = 65534
_CAPABILITIES = 0x20080522  # _LINUX_CAPABILITY_VERSION_3


def stop_being_root(folder: str) -> bool:
    """Become nobody, who can do no harm and whose processes can be counted, and own ``folder``.

    Returns False where this process is root and remains it: nobody could not read Python there.
    """
    if os.geteuid() != 0:
        return True
    needed = {sys.prefix, sys.base_prefix, os.path.dirname(sys.executable), os.path.dirname(folder)}
    if not all(map(_everyone_may_read, needed)):
        return False
    try:
        os.chown(folder, _NOBODY, _NOBODY)
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
        control(DUMPABLE, 1)  # else what is this process's own in /proc stays root's
    except OSError:
        return False
    return True


def available(folder: str) -> bool:
    """Whether a process can make itself such a world; tried by one that does."""
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            enter(folder, 1 << 20)
            if os.fork() == 0:  # where the limits are strict, this fails
                os._exit(0)
            os._exit(0 if os.waitstatus_to_exitcode(os.wait()[1]) == 0 else 1)
        os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def enter(folder: str, disk: int) -> None:
    """Make it, with a disk in memory of so many bytes at ``folder``. The next child is its first
    process, with whose end all others end. Raises ``OSError``."""
    user, group = os.geteuid(), os.getegid()
    call("unshare", _ALL)
    for file, content in [
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ]:
        with open(f"/proc/self/{file}", "w", encoding="ascii") as opened:
            opened.write(content)
    call("mount", None, b"/", None, _PRIVATE, None)
    options = f"size={disk},nr_inodes=4096,mode=700".encode()
    flags = _NOT_SETUID | _NO_DEVICES
    call("mount", b"tmpfs", os.fsencode(folder), b"tmpfs", flags, options)


def become_first() -> None:
    """Go on in a child, the first process of the namespace; the caller waits for it, and ends."""
    child = os.fork()
    if child:
        # It is told to end by those who wait for this process.
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        for descriptor in (0, 1):
            os.close(descriptor)
        os._exit(abs(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])))
    control(DEATH_SIGNAL, signal.SIGKILL)
    os.setsid()  # a signal to the group then reaches none but what cannot be ended from within


def drop_capabilities() -> None:
    """Give back what being the namespace's root brought."""
    header = ctypes.create_string_buffer(struct.pack("=Ii", _CAPABILITIES, 0))
    call("capset", header, ctypes.create_string_buffer(24))


def _everyone_may_read(path: str) -> bool:
    """Whether each folder on the way to ``path`` lets everybody pass."""
    path = os.path.realpath(path)
    while True:
        if not os.stat(path).st_mode & stat.S_IXOTH:
            return False
        above = os.path.dirname(path)
        if above == path:
            return True
        path = above
