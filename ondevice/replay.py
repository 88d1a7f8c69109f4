"""The program as the events of a stream tell it, whole or still growing."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from ondevice.edits import Buffer
from ondevice.events import (
    Done,
    EditAccepted,
    EditRejected,
    EditWithdrawn,
    Event,
    Finding,
    FinishReason,
    HunkApplied,
    Line,
    SampleFinished,
    Stats,
    Token,
    rank,
)


class Replay:
    """Follows one sample of a stream and holds its program at any moment, for who shows it.

    ``source`` is the program that is changed. ``lines`` is the program with the hunks applied so
    far, those that are taken back later among them. What a stream that was cut off can still be
    asked for comes from here.

    >>> replay = ondevice.Replay("# Mine.\\n")
    >>> for event in model.stream("write factorial(n)", source="# Mine.\\n"):
    ...     replay.add(event)
    >>> replay.text == event.text
    True
    """

    def __init__(self, source: str = "") -> None:
        self._source = Buffer.from_text(source)
        self.lines: list[str] = list(self._source.lines)
        self._final_newline = self._source.final_newline
        self._versions = [(self._source.lines, self._final_newline)]
        self._findings: tuple[Finding, ...] = ()
        self._stats = Stats()
        self._started = time.perf_counter()

    def add(self, event: Event) -> None:
        """Take account of one event."""
        stats = self._stats
        match event:
            case Token():
                self._stats = replace(
                    stats,
                    tokens=stats.tokens + 1,
                    forced_tokens=stats.forced_tokens + event.forced,
                    first_token_seconds=stats.first_token_seconds or self._elapsed(),
                )
            case HunkApplied():
                self._apply(event)
                self._stats = replace(
                    stats,
                    hunks=stats.hunks + 1,
                    first_hunk_seconds=stats.first_hunk_seconds or self._elapsed(),
                )
            case EditAccepted():
                self._versions.append((tuple(self.lines), self._final_newline))
                self._findings = event.findings
                self._stats = replace(stats, edits=stats.edits + 1)
            case EditRejected():
                self._take_back()
                self._stats = replace(stats, rejected_edits=stats.rejected_edits + 1)
            case EditWithdrawn():
                del self._versions[event.edit :]
                self._take_back()
                withdrawn = stats.withdrawn_edits + 1
                self._stats = replace(stats, edits=stats.edits - 1, withdrawn_edits=withdrawn)
            case SampleFinished() | Done():
                self._end(event.text)

    @property
    def text(self) -> str:
        """The program with the hunks applied so far, as a file would hold it."""
        return self._text(self.lines, self._final_newline)

    @property
    def accepted(self) -> tuple[str, ...]:
        """The program as it was at the last accepted edit."""
        return self._versions[-1][0]

    def cancelled(self) -> Done:
        """Return how the stream would have ended, had it been cancelled after this event."""
        return Done(
            text=self._text(*self._versions[-1]),
            finish_reason="cancelled",
            findings=self._findings,
            stats=replace(self._stats, seconds=self._elapsed()),
        )

    def _apply(self, hunk: HunkApplied) -> None:
        end = hunk.row + len(hunk.removed)
        if end == len(self.lines) and not (hunk.removed and hunk.added):
            # What lines are put after ends with a newline from then on.
            self._final_newline = True
        self.lines[hunk.row : end] = hunk.added

    def _end(self, text: str) -> None:
        """Take up the program as it came out: without what was begun and not finished."""
        self.lines = text.removeprefix(self._source.bom).split(self._source.newline)
        self._final_newline = not self.lines[-1]
        if self._final_newline:
            self.lines.pop()

    def _take_back(self) -> None:
        lines, self._final_newline = self._versions[-1]
        self.lines = list(lines)

    def _text(self, lines: Sequence[str], final_newline: bool) -> str:
        newline, bom = self._source.newline, self._source.bom
        return Buffer(lines, newline=newline, bom=bom, final_newline=final_newline).text

    def _elapsed(self) -> float:
        return time.perf_counter() - self._started


class Replays:
    """The replays of all samples of a request."""

    def __init__(self) -> None:
        self._replays: dict[int, Replay] = {}
        self._finished: list[SampleFinished] = []

    def add(self, event: Event) -> None:
        """Take account of one event."""
        self._replays.setdefault(event.sample, Replay()).add(event)
        if isinstance(event, SampleFinished):
            self._finished.append(event)

    def cancelled(self) -> Done:
        """Return how the stream would have ended, had it been cancelled after this event.

        That is the best of the finished samples, or else the first one as far as it is.
        """
        if not self._finished:
            first = min(self._replays, default=0)
            return self._replays.get(first, Replay()).cancelled()
        best = min(self._finished, key=rank)
        finish: FinishReason = "complete" if best.passed else "cancelled"
        return Done(best.text, finish, best.findings, best.stats, best.passed, sample=best.sample)


class GrowingReplay(Replay):
    """A replay that shows a hunk while its lines arrive, and a refused edit until the next line.

    ``shown`` is the program to display, ``marked`` the rows in it of the newest hunk, ``refused``
    whether these are just being taken back.
    """

    def __init__(self, source: str = "") -> None:
        super().__init__(source)
        self.shown: list[str] = list(self.lines)
        self.marked: range = range(0)
        self.refused = False
        self._inside_hunk = False

    def add(self, event: Event) -> None:
        """Take account of one event."""
        super().add(event)
        match event:
            case Line():
                self._grow(event)
            case HunkApplied():
                self._settle(range(event.row, event.row + len(event.added)))
            case EditRejected() | EditWithdrawn():
                # It stays in sight, marked as refused, until the next line comes.
                self.refused = True
                self._inside_hunk = False
            case EditAccepted() | Done():
                self._settle(self.marked)

    def _grow(self, line: Line) -> None:
        if not self._inside_hunk:
            self._settle(range(line.row, line.row))
            self._inside_hunk = True
        if line.op == "+":
            self.shown.insert(line.row, line.text)
            self.marked = range(self.marked.start, line.row + 1)
        elif line.op == "-":
            del self.shown[line.row : line.row + 1]

    def _settle(self, marked: range) -> None:
        self.shown = list(self.lines)
        self.marked = marked
        self.refused = False
        self._inside_hunk = False
