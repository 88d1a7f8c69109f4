"""One sample: what it wants evaluated next, and what becomes of it once that is done."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ondevice.backends.base import Backend, Logits
from ondevice.checks import beyond
from ondevice.decoding.attempts import Attempts
from ondevice.decoding.branch import Branch
from ondevice.decoding.constraints import Constraint
from ondevice.decoding.request import Request
from ondevice.decoding.sampling import log_probability, sample
from ondevice.decoding.tally import Tally
from ondevice.decoding.verdicts import Verdicts
from ondevice.edits import EditRead, HunkRead, LineRead, LintSeq, SequenceEnded
from ondevice.edits.reader import ReaderEvent
from ondevice.errors import EditError
from ondevice.events import (
    EditAccepted,
    EditRejected,
    EditWithdrawn,
    Event,
    Finding,
    FinishReason,
    HunkApplied,
    Line,
    Token,
)

ROOM = 256
"""Tokens that should be left after an edit; with fewer, the history is made shorter. Of a short
context, a quarter."""


class Writer:
    """Follows one branch, token by token, to the end of its sample.

    ``finish`` is why it ended, None until then.
    """

    def __init__(
        self,
        backend: Backend,
        request: Request,
        branch: Branch,
        constraint: Constraint | None,
        checks: Verdicts,
        rng: np.random.Generator,
        tally: Tally,
    ) -> None:
        self.branch = branch
        self.rng = rng
        self.tally = tally
        self.finish: FinishReason | None = None
        # What was wrong with a program that is to be changed is not held against each edit.
        self.findings = checks.of(branch.buffer.text) if branch.buffer.lines else ()
        """What the checks object to in the present buffer, and what was put up with."""
        self._backend = backend
        self._request = request
        self._constraint = constraint
        self._checks = checks
        self._attempts = Attempts()
        self._stepped_back = 0
        self._trouble = 0
        """The number of edits beyond which what was stepped back from is overcome."""
        self._keeping = False
        self._start_edit()

    def room(self) -> int:
        """Return how many tokens may still be evaluated; with none left, the sample is over."""
        allowed = self._request.max_tokens - self.tally.tokens
        fitting = self._backend.context_length - len(self.branch.tokens)
        if allowed < 1:
            self.finish = "length"
        elif fitting < 1:
            self.finish = "context"
        return min(allowed, fitting)

    def forced(self) -> list[int]:
        """Return the tokens that must come next, in canonical form; often none."""
        return self._constraint.forced() if self._constraint else []

    def logits(self) -> Logits:
        """Return the logits to sample from, less the penalties of what was refused here."""
        return self.branch.checkpoint.refusals.penalize(self.branch.logits, self.branch.drawn)

    def settled(self, token: int) -> int:
        """Return the token that was sampled, or another where it may not come.

        The constraint is asked for a mask only when it refuses the token.
        """
        if self._constraint:
            if self._constraint.allows(token):
                return token
            self.tally.masked += 1
            masked = np.where(self._constraint.mask(), self.logits(), -np.inf)
            return sample(masked.astype(np.float32), self._request.sampling, self.rng)
        logits = self.logits()
        while token not in self._backend.end_tokens and not self._backend.token_bytes(token):
            # A control token says nothing in a diff.
            logits = logits.copy()
            logits[token] = -np.inf
            token = sample(logits, self._request.sampling, self.rng)
        return token

    def ends(self, token: int) -> bool:
        """Tell whether a token ends the text, and is not to be evaluated."""
        return token in self._backend.end_tokens

    def follow(self, tokens: list[int], logits: Logits, *, sampled: bool) -> Iterator[Event]:
        """Go on by tokens that were evaluated, to the logits after the last one."""
        logprob = log_probability(self.branch.logits, tokens[0]) if sampled else None
        for place, (token, text) in enumerate(self.branch.extend(tokens, logits, logprob)):
            self._mend(token, tokens[place:])
            yield Token(token, text, logprob, not sampled)
            yield from self._read(text)
            self._advance(token)

    def end_text(self, token: int) -> Iterator[Event]:
        """The model ends its text without the empty edit: a whole edit before it still counts."""
        refused = self.tally.rejected
        self._mend(token, [])
        try:
            events = self.branch.reader.close()
        except EditError as error:
            yield from self._malformed(error, token)
        else:
            yield from self._interpreted(events, token)
        if self.tally.rejected == refused:
            self.finish = "complete"

    def stop(self) -> None:
        """Leave what was begun after the last accepted edit out of the program."""
        if self.finish != "complete":
            self.branch.roll_back()

    def _mend(self, token: int, rest: list[int]) -> None:
        """Before a token that ends a hunk, make the counts in its header right.

        ``rest`` are the tokens from that one on; those that end the text are none of the branch's.
        """
        mending = self._constraint.mending(token) if self._constraint else None
        if not mending:
            return
        written = self.branch.written[: len(self.branch.written) - len(rest)]
        backend = self._backend
        mended = mending.mend_tokens(written, backend.token_bytes, backend.tokenize)
        self.tally.tokens += self.branch.replace([*mended, *rest])
        self.tally.mended += 1

    def _advance(self, token: int) -> None:
        """Keep the constraint at the branch's place; a new edit has started it afresh already."""
        if not self._constraint or self.finish or self.branch.is_at_checkpoint:
            return
        self._constraint.consume(token)

    def _read(self, text: str) -> Iterator[Event]:
        try:
            events = self.branch.reader.feed(text)
        except EditError as error:
            yield from self._malformed(error)
        else:
            yield from self._interpreted(events)

    def _malformed(self, error: EditError, *last: int) -> Iterator[Event]:
        """Refuse what is no diff that applies."""
        written = self.branch.written_text
        finding = Finding("diff", error.line or 1, str(error))
        yield from self._refused(written, (finding,), False, *last)

    def _interpreted(self, events: list[ReaderEvent], *last: int) -> Iterator[Event]:
        """Tell what was read; ``last`` are tokens that led to it, but were not appended."""
        for event in events:
            if isinstance(event, LineRead):
                yield Line(event.row, event.op, event.text)
            elif isinstance(event, HunkRead):
                self.tally.hunk_applied()
                hunk = event.hunk
                yield HunkApplied(
                    self.tally.edits + 1, hunk.start, event.row, hunk.removed, hunk.added
                )
            elif isinstance(event, EditRead):
                diff = self._request.dialect.write(event.edit)
                findings = self._checks.of(self.branch.buffer.text)
                if beyond(findings, self.findings) and not self._keeping:
                    yield from self._refused(diff, findings, True, *last)
                    return  # what was read after the edit is gone with it
                yield self._accepted(diff, findings)
            elif isinstance(event, SequenceEnded):
                self.finish = "complete"

    def _accepted(self, diff: str, findings: tuple[Finding, ...]) -> EditAccepted:
        self.findings = findings
        self._attempts = Attempts()
        self.tally.edits += 1
        if self.tally.edits > self._trouble:
            self._stepped_back = 0
        self.branch.accept()
        if len(self.branch.buffer.lines) > self._request.max_lines:
            self.finish = "size"
        self._make_room()
        self._start_edit()
        return EditAccepted(self.tally.edits, diff, findings)

    def _refused(
        self, diff: str, findings: tuple[Finding, ...], applies: bool, *last: int
    ) -> Iterator[Event]:
        """Take an edit back, and see whether to try again from here or from further back."""
        drawn = [*self.branch.drawn, *last]
        self.branch.checkpoint.refusals.add(drawn)
        self._attempts.add(drawn if applies else None, findings)
        self.branch.roll_back()
        self.tally.rejected += 1
        attempt = len(self._attempts)
        position = len(self.branch.tokens)
        yield EditRejected(self.tally.edits + 1, diff, findings, attempt, position)
        if attempt > self._request.retries:
            yield from self._retreat(findings)
        self._start_edit()

    def _retreat(self, findings: tuple[Finding, ...]) -> Iterator[Event]:
        """No attempt has passed: withdraw an accepted edit, or put up with the best attempt."""
        if self._stepped_back < self._request.depth and len(self.branch.checkpoints) > 1:
            withdrawn = self.branch.step_back()
            self.branch.checkpoint.refusals.add(withdrawn)
            self._stepped_back += 1
            self._trouble = max(self._trouble, self.tally.edits)
            self._attempts = Attempts()
            self.tally.withdrawn += 1
            self.tally.edits -= 1
            yield EditWithdrawn(self.tally.edits + 1, len(self.branch.tokens))
        elif best := self._attempts.best():
            yield from self._keep(best)
        else:
            self.findings = findings
            self.finish = "retries"

    def _keep(self, tokens: list[int]) -> Iterator[Event]:
        """Take up an attempt that was refused, with its findings."""
        last = tokens[-1] if self.ends(tokens[-1]) else None
        tokens = tokens[:-1] if last is not None else tokens
        if len(tokens) > self.room():
            return
        self._start_edit()
        self.tally.count(len(tokens), forced=True)
        self._keeping = True
        yield from self.follow(tokens, self.branch.evaluate(tokens), sampled=False)
        if last is not None:
            yield from self.end_text(last)
        self._keeping = False

    def _make_room(self) -> None:
        """With little context left, let one edit with the present buffer stand for the history."""
        if not isinstance(self._request.dialect, LintSeq):
            return
        length, limit = len(self.branch.tokens), self._backend.context_length
        if limit - length >= min(ROOM, limit // 4):
            return
        history = self._backend.tokenize(self._request.dialect.write_history(self.branch.buffer))
        if len(self._request.prompt) + len(history) < length:
            self.branch.rewrite(history)
            self.tally.compactions += 1
            self.tally.tokens += len(history)

    def _start_edit(self) -> None:
        if self._constraint:
            self._constraint.start_edit(self.branch.buffer)
