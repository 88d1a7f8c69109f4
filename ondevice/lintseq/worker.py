"""A worker process: gets rows on stdin, sends what became of them to stdout.

It says of each program that it begins, so that whoever waits knows which one it died of; and it
ends by itself when nobody is there any more to send it rows.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import pickle
import queue
import sys
import threading
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ondevice.lintseq.rows import Settings

READY = "ready"

_MEMORY = 400 << 20
"""Bytes above which a process asks to be replaced, since linters keep what they have seen."""


def main() -> None:
    """Work until stdin ends."""
    # Whatever a linter prints must not get in between the replies.
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _offer_to_be_killed_first()
    requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, requests), daemon=True).start()

    from ondevice.errors import OndeviceError
    from ondevice.lintseq.rows import refactor_row

    settings, timeout = requests.get()

    def send(message: Any) -> None:
        pickle.dump(message, replies, protocol=5)
        replies.flush()

    def begin(program: int) -> None:
        # For when whoever would kill this process is gone, and the interpreter hangs in C.
        faulthandler.dump_traceback_later(2 * timeout + 30, exit=True, file=2)
        send(program)

    try:
        _warm_up(settings)
        send(READY)
        while True:
            for number, line, failed in requests.get():
                outcome = refactor_row(number, line, settings, failed=failed, begin=begin)
                send((outcome, _memory() > _MEMORY))
                faulthandler.cancel_dump_traceback_later()
    except OndeviceError as error:  # the same for every row
        send(error)
    except BrokenPipeError:
        os._exit(1)


def _warm_up(settings: Settings) -> None:
    """Import what the linter needs, at the cost of no program's time."""
    from ondevice.errors import CheckError, DataError
    from ondevice.lintseq import linters

    try:
        settings.check()
    except DataError as error:
        hint = "a linter that only the calling process knows needs workers=0"
        raise DataError(f"{error}; {hint}") from error
    with contextlib.suppress(CheckError):
        linters.get(settings.linter)("x = 1\n")


def _listen(stdin: IO[bytes], requests: queue.SimpleQueue[Any]) -> None:
    with contextlib.suppress(EOFError, pickle.UnpicklingError, OSError):
        while True:
            requests.put(pickle.load(stdin))
    # The other end is closed, by intention or since its process died: nobody wants the rest.
    os._exit(0)


def _memory() -> int:
    """Return how many bytes this process has in memory; 0 where the system does not say."""
    try:
        # Linux lets a process inherit the peak of the one that started it, so what is asked for
        # there is the present.
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        pass
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak << 10


def _offer_to_be_killed_first() -> None:
    """Let Linux, when memory ends, take this process instead of the one that would replace it."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")
