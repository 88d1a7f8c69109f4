"""Everything that protects this machine from a worker's programs, put up once for all of them.

What a system does not have is left out and said so: what is not named in ``how`` is not there.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field

from ondevice.sandbox.inside import landlock, limits, namespaces, seccomp
from ondevice.sandbox.inside.system import DUMPABLE, SUBREAPER, control

_SYSTEM = (
    "/usr",
    "/lib",
    "/lib32",
    "/lib64",
    "/bin",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/mime.types",
    "/dev/null",
    "/dev/zero",
    "/dev/random",
    "/dev/urandom",
)


@dataclass(slots=True)
class Protected:
    """What was put up: by name, and how. ``first``: this process is the first of a namespace.

    ``filters``: what each program's process has to refuse itself; ``base`` as ``limit`` wants it.
    """

    how: dict[str, str] = field(default_factory=dict)
    first: bool = False
    filters: tuple[bytes, ...] = ()
    base: int = 0


def protect(folder: str, disk: int, path: Iterable[str]) -> Protected:
    """Put up what this system has; ``folder`` is all that can be written then."""
    found = Protected(base=limits.address_space())
    if sys.platform == "darwin":
        if os.environ.get("ONDEVICE_SANDBOX") == "sandbox-exec":
            found.how |= dict.fromkeys(("network", "reading", "writing"), "sandbox-exec")
    elif sys.platform == "linux":
        _protect_linux(found, folder, disk, path)
    found.how = dict.fromkeys(_limited(found), "rlimit") | found.how
    return found


def limited_only() -> dict[str, str]:
    """Return what protects where nothing is put up but limits."""
    return dict.fromkeys(_limited(Protected(base=limits.address_space())), "rlimit")


def _protect_linux(found: Protected, folder: str, disk: int, path: Iterable[str]) -> None:
    unprivileged = namespaces.stop_being_root(folder)
    with contextlib.suppress(OSError):
        control(SUBREAPER, 1)
    if namespaces.available(folder):
        namespaces.enter(folder, disk)
        namespaces.become_first()
        os.chdir(folder)
        found.first = True
        found.how |= dict.fromkeys(("network", "others", "leftovers"), "namespace")
        found.how["disk"] = "tmpfs"
        namespaces.drop_capabilities()
    own = {sys.prefix, sys.base_prefix, sys.exec_prefix, os.path.dirname(os.__file__)}
    site = {one for one in path if os.path.basename(one) in ("site-packages", "dist-packages")}
    if abi := landlock.restrict(sorted({*_SYSTEM, *own, *site}), [folder, "/dev/null"]):
        found.how |= dict.fromkeys(("reading", "writing"), f"Landlock {abi}")
    if seccomp.available():
        seccomp.install(seccomp.refused_calls())
        found.how["network"] = " and ".join(filter(None, [found.how.get("network"), "seccomp"]))
        found.how["kernel"] = "seccomp"
        if not found.first:
            found.filters += (seccomp.leaving(),)
            found.how["leftovers"] = "seccomp"
        if not unprivileged:
            found.filters += (seccomp.new_processes(),)
            found.how["processes"] = "seccomp"
    if unprivileged:
        found.how["user"] = "not root"
    with contextlib.suppress(OSError):
        control(DUMPABLE, 0)


def _limited(found: Protected) -> list[str]:
    """Return which limits a process here can get, tried by one."""
    if not hasattr(os, "fork"):
        return []
    most = {"seconds": 60, "cpu": None, "memory": 1 << 30, "output": 1 << 20}
    prepared = limits.prepare({**most, "processes": 64, "files": 64}, found.base)
    mine, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            os.write(theirs, " ".join(limits.limit(prepared)).encode())
        os._exit(0)
    os.close(theirs)
    names = set(os.read(mine, 1000).decode().split()) - {"core"}
    os.close(mine)
    os.waitpid(child, 0)
    if "user" not in found.how and sys.platform == "linux" and not found.filters:
        names.discard("processes")  # root is not held to it
    return sorted(names)
