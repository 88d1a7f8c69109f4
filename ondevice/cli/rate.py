"""How far a long run is: a bar on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

_LINE_EVERY = 60.0
"""Seconds between two lines where there is no terminal."""


class Tell(Protocol):
    """Takes how much of the source is done, and how much it has, after each row."""

    def __call__(self, done: int, total: int) -> None:
        """Tell it."""


@contextmanager
def row_progress(noun: str = "rows") -> Iterator[Tell]:
    """Show on stderr how many rows a second are done and how long the rest will take.

    ``noun`` is what they are called.
    """
    if not sys.stderr.isatty():
        yield _Lines(noun)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
    from rich.progress import TimeRemainingColumn as TimeLeftColumn

    columns = (
        BarColumn(),
        TaskProgressColumn(),
        TextColumn(f"{{task.fields[rows]:,}} {noun}, {{task.fields[rate]:,.1f}}/s"),
        TimeLeftColumn(),
        TextColumn("left"),
    )
    rate = _Rate()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None, rows=0, rate=0.0)

        def tell(done: int, total: int) -> None:
            rate.count(done)
            progress.update(
                task, completed=done, total=total, rows=rate.rows, rate=rate.rows_per_second
            )

        yield tell


class _Rate:
    """Counts the rows of this run, which may have begun in the middle of the source."""

    def __init__(self) -> None:
        self.rows = 0
        self._begun = time.monotonic()
        self._first: int | None = None
        self._done = 0

    def count(self, done: int) -> None:
        if self._first is None:
            self._first = done
        self.rows += 1
        self._done = done

    @property
    def seconds(self) -> float:
        return max(time.monotonic() - self._begun, 1e-9)

    @property
    def rows_per_second(self) -> float:
        return self.rows / self.seconds

    def seconds_left(self, total: int) -> float | None:
        made = self._done - (self._first or 0)
        return self.seconds * (total - self._done) / made if made > 0 else None


class _Lines:
    def __init__(self, noun: str) -> None:
        self._noun = noun
        self._rate = _Rate()
        self._next = _LINE_EVERY

    def __call__(self, done: int, total: int) -> None:
        rate = self._rate
        rate.count(done)
        if rate.seconds < self._next:
            return
        self._next = rate.seconds + _LINE_EVERY
        left = rate.seconds_left(total)
        text = f"{rate.rows:,} {self._noun}, {done / total:.0%}, "
        text += f"{rate.rows_per_second:.1f} {self._noun}/s"
        if left is not None:
            text += f", {_duration(left)} left"
        print(text, file=sys.stderr, flush=True)


def _duration(seconds: float) -> str:
    minutes = max(1, round(seconds / 60))
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
