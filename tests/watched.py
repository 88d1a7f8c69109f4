"""Run a module and note what it does to the world: sockets, processes, writes.

usage: python watched.py NOTES FOLDER MODULE ARGUMENTS...

NOTES gets a line for every use of a socket, every process started, and every path outside of
FOLDER that is written, made, renamed or removed. Python's audit events tell, which cover the
standard library and all that goes through it, not what native code does by itself.
"""

from __future__ import annotations

import os
import runpy
import sys
from typing import Any

SOCKETS = ("connect", "bind", "sendto", "sendmsg", "getaddrinfo", "gethostbyname", "getnameinfo")
CHANGES = ("mkdir", "rename", "remove", "rmdir", "link", "symlink", "truncate", "chmod", "utime")
PROCESSES = ("subprocess.Popen", "os.system", "os.posix_spawn", "os.exec", "os.fork")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def watch(notes: int, folder: str) -> None:
    """Start to write into the file descriptor what happens."""
    inside = os.path.realpath(folder) + os.sep

    def harmless(path: Any) -> bool:
        if isinstance(path, int):
            return True
        path = os.path.realpath(os.fsdecode(path))
        return path == os.devnull or path.startswith(inside)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        kind, _, name = event.partition(".")
        if kind == "socket" and name in SOCKETS:
            note = f"{event} {[value for value in arguments if not hasattr(value, 'fileno')]}"
        elif event in PROCESSES:
            note = f"{event} {arguments[0]}"
        elif event == "open":
            path, _, flags = arguments
            if not isinstance(flags, int) or not flags & WRITING or harmless(path):
                return
            note = f"open {path}"
        elif kind == "os" and name in CHANGES:
            paths = [path for path in arguments[:2] if isinstance(path, str | bytes | os.PathLike)]
            if all(map(harmless, paths)):
                return
            note = f"{event} {paths}"
        else:
            return
        os.write(notes, f"{note}\n".encode())

    sys.addaudithook(hook)


if __name__ == "__main__":
    watch(os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND), sys.argv[2])
    module, sys.argv[1:] = sys.argv[3], sys.argv[4:]
    sys.path[0] = os.getcwd()  # as `python -m` has it, instead of the folder of this script
    runpy.run_module(module, run_name="__main__", alter_sys=True)
