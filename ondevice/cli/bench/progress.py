"""What a measurement is at, and how long the rest will take."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def stage_progress() -> Iterator[Callable[[str, int, int], None]]:
    """Show on stderr what begins, how many steps are done, and the time left at this pace."""
    begun = time.monotonic()
    if not sys.stderr.isatty():

        def line(step: str, done: int, total: int) -> None:
            print(f"{done}/{total} {step}{_left(begun, done, total)}", file=sys.stderr, flush=True)

        yield line
        return
    from rich.console import Console

    with Console(stderr=True).status("starting") as status:

        def spin(step: str, done: int, total: int) -> None:
            status.update(f"{done}/{total} {step}{_left(begun, done, total)}")

        yield spin


def _left(begun: float, done: int, total: int) -> str:
    if not done:
        return ""
    seconds = (time.monotonic() - begun) * (total - done) / done
    return (
        f", about {seconds:.0f} s left" if seconds < 120 else f", about {seconds / 60:.0f} min left"
    )
