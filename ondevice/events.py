"""What a stream yields while a program is being written, and each event's stable JSON form.

>>> for event in model.stream("write fizzbuzz"):
...     match event:
...         case ondevice.events.EditAccepted():
...             print("edit", event.edit)
...         case ondevice.events.Done():
...             print(event.finish_reason)
edit 1
edit 2
complete
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

FinishReason = Literal[
    "complete", "length", "time", "size", "context", "retries", "passed", "cancelled"
]
"""Why a sample ended: the model closed its sequence; ``max_tokens``, ``max_seconds`` or
``max_lines`` was reached; the context was used up; no continuation was a diff that applies within
the retries; another sample passed the tests; or the caller stopped it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check found wrong with a buffer; ``line`` counts from 1.

    >>> print(Finding("names", 3, "undefined name 'x'"))
    line 3: undefined name 'x' [names]
    """

    check: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.message} [{self.check}]"


@dataclass(frozen=True, slots=True)
class Stats:
    """What one sample cost, or all samples of a request together.

    Times are wall-clock seconds. ``tokens`` counts every token that was evaluated after the
    prompt, those that were rolled back among them; ``kept_tokens`` only those of the result.
    ``compactions`` counts how often the history made way for one edit with the present buffer;
    that edit's tokens count, too.

    >>> stats = model.generate("write fizzbuzz").stats
    >>> stats.edits, stats.tokens == stats.kept_tokens
    (2, True)
    """

    prompt_tokens: int = 0
    tokens: int = 0
    kept_tokens: int = 0
    forced_tokens: int = 0
    masked_tokens: int = 0
    edits: int = 0
    hunks: int = 0
    rejected_edits: int = 0
    withdrawn_edits: int = 0
    compactions: int = 0
    mended_hunks: int = 0
    samples: int = 1
    seconds: float = 0.0
    first_token_seconds: float | None = None
    first_hunk_seconds: float | None = None

    @property
    def tokens_per_second(self) -> float:
        """Tokens evaluated after the prompt, per second of the whole request."""
        return self.tokens / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events; ``sample`` tells to which sample of a request it belongs, from 0."""

    type: ClassVar[str]
    sample: int = field(default=0, kw_only=True)

    def to_json(self) -> dict[str, Any]:
        """Return the event as a JSON object, ``type`` first.

        >>> Line(0, "+", "import os").to_json()
        {'type': 'line', 'sample': 0, 'row': 0, 'op': '+', 'text': 'import os'}
        """
        return {"type": self.type, **dataclasses.asdict(self)}


@dataclass(frozen=True, slots=True)
class Token(Event):
    """A token was appended.

    ``text`` is what it adds to the diff once decoded (empty while a character is incomplete);
    ``logprob`` is the model's own natural log-probability at temperature 1, or None for a token
    that was forced, because no other could follow.
    """

    type: ClassVar[str] = "token"
    id: int
    text: str
    logprob: float | None
    forced: bool


@dataclass(frozen=True, slots=True)
class Line(Event):
    """A line of the diff is complete; ``row`` is where it stands in the buffer, from 0."""

    type: ClassVar[str] = "line"
    row: int
    op: Literal[" ", "-", "+"]
    text: str


@dataclass(frozen=True, slots=True)
class HunkApplied(Event):
    """A hunk is whole and fits the buffer.

    ``edit`` counts from 1. ``start`` is the row (from 0) of the hunk in the buffer as it was
    before the edit, ``row`` its row in the buffer with the hunk applied.
    """

    type: ClassVar[str] = "hunk_applied"
    edit: int
    start: int
    row: int
    removed: tuple[str, ...]
    added: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EditAccepted(Event):
    """All hunks of an edit are applied and the buffer passed its checks."""

    type: ClassVar[str] = "edit_accepted"
    edit: int
    diff: str
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class EditRejected(Event):
    """A check refused an edit: the buffer is back at its last version, and so is the cache.

    ``attempt`` counts the refusals at this place from 1; ``position`` is the number of tokens,
    prompt included, at which the branch resumed.
    """

    type: ClassVar[str] = "edit_rejected"
    edit: int
    diff: str
    findings: tuple[Finding, ...]
    attempt: int
    position: int


@dataclass(frozen=True, slots=True)
class EditWithdrawn(Event):
    """Nothing that passes could follow an accepted edit, so it is taken back, too.

    ``edit`` is its number; the next one will have it again.
    """

    type: ClassVar[str] = "edit_withdrawn"
    edit: int
    position: int


@dataclass(frozen=True, slots=True)
class SampleFinished(Event):
    """One of several samples is finished.

    ``passed`` tells whether it passes the request's tests, None where there are none;
    ``mean_logprob`` is the mean log-probability of the tokens kept that were not forced.
    """

    type: ClassVar[str] = "sample_finished"
    text: str
    finish_reason: FinishReason
    findings: tuple[Finding, ...]
    passed: bool | None
    mean_logprob: float
    stats: Stats


@dataclass(frozen=True, slots=True)
class Done(Event):
    """The program is finished; the last event of every stream.

    Of several samples it is the best one's, and ``stats`` are those of all.
    """

    type: ClassVar[str] = "done"
    text: str
    finish_reason: FinishReason
    findings: tuple[Finding, ...]
    stats: Stats
    passed: bool | None = None
    mean_logprob: float = 0.0


def rank(event: SampleFinished | Done) -> tuple[bool, bool, int, float, int]:
    """Return what finished samples are ordered by, the best first.

    Those that pass the tests come before others, then those whose model came to an end, those with
    the fewest findings, and the likeliest.
    """
    return (
        not event.passed,
        event.finish_reason != "complete",
        len(event.findings),
        -event.mean_logprob,
        event.sample,
    )
