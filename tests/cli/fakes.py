"""A model that plays back programs: what the command line sees, without weights."""

from __future__ import annotations

import difflib
import sys
import time
from collections.abc import Generator, Iterator, Sequence
from typing import Any, Self

import ondevice
from ondevice.events import (
    Done,
    EditAccepted,
    EditRejected,
    Event,
    Finding,
    HunkApplied,
    Line,
    Stats,
    Token,
)

FINDING = Finding("names", 2, "undefined name 'limit'")
FIZZBUZZ = [
    "def fizzbuzz(n):\n    return str(n)\n",
    "def fizzbuzz(n):\n    if n % 15 == 0:\n        return 'FizzBuzz'\n    return str(n)\n",
]
WRONG = "def fizzbuzz(n):\n    return str(limit)\n"


def edit_events(number: int, before: Sequence[str], after: Sequence[str]) -> Iterator[Event]:
    """Yield what an engine yields while it writes the edit from ``before`` to ``after``."""
    yield Token(0, "@@", -0.1, forced=True)
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, before, after).get_opcodes():
        if tag == "equal":
            continue
        for _ in range(i1, i2):
            yield Line(j1, "-", before[i1])
        for row in range(j1, j2):
            yield Token(1, after[row], -0.5, forced=False)
            yield Line(row, "+", after[row])
        yield HunkApplied(number, i1, j1, tuple(before[i1:i2]), tuple(after[j1:j2]))


def diff_text(before: Sequence[str], after: Sequence[str]) -> str:
    lines = list(difflib.unified_diff(before, after, n=0, lineterm=""))[2:]
    return "".join(f"{line}\n" for line in lines)


def stream(
    states: Sequence[str],
    *,
    wrong: dict[int, str] | None = None,
    finish: str = "complete",
    findings: tuple[Finding, ...] = (),
) -> Generator[Event, None, None]:
    """Yield the events of a program that grows through ``states``; ``wrong`` holds, by the
    number of an edit, what is tried first and refused."""
    lines: list[str] = []
    accepted = 0
    for number, state in enumerate(states, 1):
        if refused := (wrong or {}).get(number):
            tried = refused.splitlines()
            yield from edit_events(number, lines, tried)
            yield EditRejected(number, diff_text(lines, tried), (FINDING,), 1, 10)
        target = state.splitlines()
        yield from edit_events(number, lines, target)
        yield EditAccepted(number, diff_text(lines, target))
        lines, accepted = target, number
    text = "".join(f"{line}\n" for line in lines)
    stats = Stats(tokens=92, edits=accepted, seconds=0.3, first_hunk_seconds=0.045)
    yield Done(text, finish, findings, stats)  # type: ignore[arg-type]


class FakeModel:
    """Stands in for ``ondevice.Model``; remembers what it was asked and whether it was closed."""

    def __init__(self, events: Generator[Event, None, None], delay: float = 0.0) -> None:
        self._events = events
        self._delay = delay
        self.request: dict[str, Any] = {}
        self.stopped = False
        self.closed = False

    def load(self, model: str | None = None, **options: Any) -> Self:
        self.request |= {"model": model, **options}
        return self

    def stream(self, prompt: str, **options: Any) -> Generator[Event, None, None]:
        self.request |= {"prompt": prompt, **options}
        try:
            for event in self._events:
                time.sleep(self._delay)
                yield event
        finally:
            self.stopped = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self.closed = True


def long_program(lines: int) -> list[str]:
    """Return the states of a program of that many lines, whose middle is written last."""
    head = [f"first_{i} = {i}" for i in range(lines // 3)]
    tail = [f"last_{i} = 'a line that is longer than a narrow terminal'" for i in range(lines // 3)]
    middle = [f"middle_{i} = {i}" for i in range(lines - len(head) - len(tail))]
    states = [head, head + tail, head + middle + tail]
    return ["".join(f"{line}\n" for line in state) for state in states]


if __name__ == "__main__":
    # python -m tests.cli.fakes LINES DELAY ARGUMENTS...: the command line on a fake model.
    from ondevice.cli import main

    lines, delay = int(sys.argv[1]), float(sys.argv[2])
    states = long_program(lines)
    fake = FakeModel(stream(states, wrong={2: states[0] + "print(limit)\n"}), delay)
    ondevice.load = fake.load  # type: ignore[assignment]
    sys.exit(main(sys.argv[3:]))
