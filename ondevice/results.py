"""What a request comes to: finished programs, put together from the events of its stream."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ondevice.edits import LINTSEQ, Buffer, Dialect, Edit
from ondevice.errors import RequestError
from ondevice.events import (
    Done,
    EditAccepted,
    EditWithdrawn,
    Event,
    Finding,
    FinishReason,
    SampleFinished,
    Stats,
    rank,
)


@dataclass(frozen=True, slots=True)
class Result:
    """A finished program and how it came to be.

    ``diffs`` are the accepted edits as the model wrote them, ``findings`` what the checks, and the
    tests where there are any, object to. ``passed`` tells whether it passes the tests, None where
    there are none; ``mean_logprob`` is the mean natural log-probability of its tokens, those left
    out that were forced; ``count`` how many samples came to the same text.

    >>> result = model.generate("write factorial(n)", tests="assert factorial(5) == 120")
    >>> result.passed, result.findings, result.count
    (True, (), 1)
    >>> len(result.edits) == len(result.diffs) == result.stats.edits
    True
    >>> result.edits[0].hunks[0].added[0]
    'def factorial(n):'
    """

    text: str
    edits: tuple[Edit, ...]
    diffs: tuple[str, ...]
    findings: tuple[Finding, ...]
    finish_reason: FinishReason
    stats: Stats
    passed: bool | None = None
    mean_logprob: float = 0.0
    count: int = 1


def collect(
    events: Iterable[Event], source: Buffer | None = None, dialect: Dialect = LINTSEQ
) -> Result:
    """Go through a stream to its end and return the result, of several samples the best.

    ``source`` is what the program was before, and ``dialect`` that of the edits.
    """
    diffs: dict[int, list[str]] = defaultdict(list)
    for event in events:
        _note(event, diffs)
        if isinstance(event, Done):
            return _result(event, diffs[event.sample], source, dialect)
    raise RequestError("the stream was closed before it was done")


def ranked(
    events: Iterable[Event], source: Buffer | None = None, dialect: Dialect = LINTSEQ
) -> list[Result]:
    """Go through a stream to its end and return the results of its samples, the best first.

    Samples with the same text are one result, which counts them. See ``collect``.
    """
    diffs: dict[int, list[str]] = defaultdict(list)
    finished: list[SampleFinished | Done] = []
    for event in events:
        _note(event, diffs)
        if isinstance(event, SampleFinished):
            if event.finish_reason != "passed":
                finished.append(event)
        elif isinstance(event, Done) and not finished:
            finished.append(event)
    finished.sort(key=rank)
    counts = Counter(event.text for event in finished)
    best = {event.text: event for event in reversed(finished)}
    return [
        replace(_result(event, diffs[event.sample], source, dialect), count=counts[event.text])
        for event in finished
        if best[event.text] is event
    ]


def _note(event: Event, diffs: dict[int, list[str]]) -> None:
    if isinstance(event, EditAccepted):
        diffs[event.sample].append(event.diff)
    elif isinstance(event, EditWithdrawn):
        diffs[event.sample].pop()


def _result(
    event: SampleFinished | Done, diffs: list[str], source: Buffer | None, dialect: Dialect
) -> Result:
    buffer = source.copy() if source else Buffer()
    edits = [edit for diff in diffs for edit in dialect.read(diff, buffer)]
    return Result(
        event.text,
        tuple(edits),
        tuple(diffs),
        event.findings,
        event.finish_reason,
        event.stats,
        event.passed,
        event.mean_logprob,
    )
