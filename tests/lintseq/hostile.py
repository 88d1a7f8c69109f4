"""Linters that do to their process what a program may: known to every worker process, too."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from ondevice.lintseq import linters


def hostile(program: str) -> list[int]:
    """Do what a comment of the program says."""
    if "# crash" in program:
        os.kill(os.getpid(), signal.SIGKILL)
    if "# exit" in program:
        os._exit(3)
    if "# hang" in program:
        while True:
            pass
    if "# sleep" in program:
        time.sleep(600)
    if "# print" in program:
        print("noise", flush=True)
        os.write(1, b"noise\n")
    if "# slow" in program:
        time.sleep(0.002)
    return []


def assassin(program: str) -> list[int]:
    """Kill this process, and whoever started it, the first time."""
    mark = Path(os.environ["ASSASSIN"])
    if "# crash" in program and not mark.exists():
        mark.touch()
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(600)
    return []


def once(program: str) -> list[int]:
    """Kill this process the first time, as somebody else may do."""
    mark = Path(os.environ["ASSASSIN"])
    if "# crash" in program and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return []


LINTERS: dict[str, linters.Linter] = {"hostile": hostile, "assassin": assassin, "once": once}

if sys.orig_argv[1:2] == ["-P"] or "HOSTILE" in os.environ:  # a worker process, or a command
    linters.LINTERS.update(LINTERS)
