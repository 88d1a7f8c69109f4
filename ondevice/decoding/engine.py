"""The engine: sample a token, let the buffer follow, check each edit, take back what is refused."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ondevice.backends.base import Backend
from ondevice.checks import run_checks
from ondevice.decoding.branch import Branch
from ondevice.decoding.constraints import Constraint, LintSeqConstraint
from ondevice.decoding.refusals import Refusals
from ondevice.decoding.request import Request
from ondevice.decoding.sampling import log_probability, sample
from ondevice.decoding.tally import Tally
from ondevice.edits import LINTSEQ, Buffer, EditRead, HunkRead, LineRead, SequenceEnded
from ondevice.edits.reader import ReaderEvent
from ondevice.errors import EditError
from ondevice.events import (
    Done,
    EditAccepted,
    EditRejected,
    Event,
    Finding,
    FinishReason,
    HunkApplied,
    Line,
    Token,
)


class Engine:
    """Decodes one sample of the LintSeq dialect on one sequence of a backend."""

    def __init__(self, backend: Backend, request: Request, buffer: Buffer) -> None:
        self._backend = backend
        self._request = request
        self._rng = np.random.default_rng(request.seed)
        self._tally = Tally(prompt_tokens=len(request.prompt))
        self._branch = Branch(backend, 0, request.prompt, LINTSEQ, buffer)
        self._refusals = Refusals()
        self._findings: tuple[Finding, ...] = ()
        self._finish: FinishReason | None = None
        self._constraint: Constraint | None = None
        if request.constrained:
            self._constraint = LintSeqConstraint(
                backend.constraint_tokenizer(), backend.vocab_size, backend.end_tokens
            )
            self._constraint.start_edit(buffer)

    def run(self) -> Iterator[Event]:
        """Yield events until the sample is finished; the last one is ``Done``."""
        while self._finish is None:
            room = self._room()
            if room < 1:
                break
            forced = self._constraint.forced()[:room] if self._constraint else []
            if forced:
                yield from self._append(forced, None)
                continue
            token = self._sampled()
            if token in self._backend.end_tokens:
                yield from self._end_text(token)
            else:
                yield from self._append([token], log_probability(self._branch.logits, token))
        yield self._done()

    def _room(self) -> int:
        """Return how many tokens may still be evaluated; with none left, the sample is over."""
        allowed = self._request.max_tokens - self._tally.tokens
        fitting = self._backend.context_length - len(self._branch.tokens)
        if allowed < 1:
            self._finish = "length"
        elif fitting < 1:
            self._finish = "context"
        return min(allowed, fitting)

    def _append(self, tokens: list[int], logprob: float | None) -> Iterator[Event]:
        """Evaluate tokens together and follow them one by one; forced ones have no logprob."""
        self._tally.count(len(tokens), forced=logprob is None)
        for token, text in self._branch.append(tokens):
            yield Token(token, text, logprob, logprob is None)
            yield from self._read(text)
            self._follow(token)

    def _sampled(self) -> int:
        """Sample first, and ask the constraint for a mask only when it refuses the token."""
        sampling = self._request.sampling
        logits = self._refusals.penalize(self._branch.logits, self._branch.written)
        token = sample(logits, sampling, self._rng)
        if self._constraint:
            if self._constraint.allows(token):
                return token
            self._tally.masked += 1
            masked = np.where(self._constraint.mask(), logits, -np.inf).astype(np.float32)
            return sample(masked, sampling, self._rng)
        while token not in self._backend.end_tokens and not self._backend.token_bytes(token):
            # A control token says nothing in a diff.
            logits = logits.copy()
            logits[token] = -np.inf
            token = sample(logits, sampling, self._rng)
        return token

    def _follow(self, token: int) -> None:
        """Keep the constraint at the branch's place; a new edit has started it afresh already."""
        if not self._constraint or self._finish or not self._branch.written:
            return
        self._constraint.consume(token)

    def _read(self, text: str) -> Iterator[Event]:
        try:
            events = self._branch.reader.feed(text)
        except EditError as error:
            yield self._malformed(error)
        else:
            yield from self._interpreted(events)

    def _end_text(self, token: int) -> Iterator[Event]:
        """The model ends its text without the empty edit: a whole edit before it still counts."""
        refused = self._tally.rejected
        try:
            events = self._branch.reader.close()
        except EditError as error:
            yield self._malformed(error, token)
        else:
            yield from self._interpreted(events, token)
        if self._tally.rejected == refused:
            self._finish = "complete"

    def _malformed(self, error: EditError, *last: int) -> EditRejected:
        """Refuse what is no diff that applies."""
        written = self._branch.written_text
        return self._refused(written, (Finding("diff", error.line or 1, str(error)),), *last)

    def _interpreted(self, events: list[ReaderEvent], *last: int) -> Iterator[Event]:
        """Tell what was read; ``last`` are tokens that led to it, but were not appended."""
        for event in events:
            if isinstance(event, LineRead):
                yield Line(event.row, event.op, event.text)
            elif isinstance(event, HunkRead):
                self._tally.hunk_applied()
                hunk = event.hunk
                yield HunkApplied(
                    self._tally.edits + 1, hunk.start, event.row, hunk.removed, hunk.added
                )
            elif isinstance(event, EditRead):
                diff = LINTSEQ.write(event.edit)
                findings = run_checks(self._request.checks, self._branch.buffer.text)
                if findings:
                    yield self._refused(diff, findings, *last)
                    return  # what was read after the edit is gone with it
                yield self._accepted(diff)
            elif isinstance(event, SequenceEnded):
                self._finish = "complete"

    def _accepted(self, diff: str) -> EditAccepted:
        self._branch.accept()
        self._refusals = Refusals()
        self._findings = ()
        self._tally.edits += 1
        self._start_edit()
        return EditAccepted(self._tally.edits, diff)

    def _refused(self, diff: str, findings: tuple[Finding, ...], *last: int) -> EditRejected:
        self._refusals.add([*self._branch.written, *last])
        self._branch.roll_back()
        self._findings = findings
        self._tally.rejected += 1
        attempt = len(self._refusals)
        if attempt > self._request.retries:
            self._finish = "retries"
        self._start_edit()
        position = len(self._branch.tokens)
        return EditRejected(self._tally.edits + 1, diff, findings, attempt, position)

    def _start_edit(self) -> None:
        if self._constraint:
            self._constraint.start_edit(self._branch.buffer)

    def _done(self) -> Done:
        """End at the last accepted edit; what was begun after it is not part of the program."""
        finish = self._finish or "complete"
        if finish != "complete":
            self._branch.roll_back()
        return Done(
            self._branch.buffer.text,
            finish,
            self._findings if finish == "retries" else (),
            self._tally.stats(len(self._branch.tokens)),
        )
