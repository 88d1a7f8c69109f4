"""The engine: all samples of a request in one batch, each followed by its own writer."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from ondevice.backends.base import Logits
from ondevice.decoding.branch import Branch
from ondevice.decoding.constraints import Constraint, LintSeqConstraint, UnifiedConstraint
from ondevice.decoding.lease import Lease, Work
from ondevice.decoding.outcome import conclude
from ondevice.decoding.pool import Pool
from ondevice.decoding.request import Request
from ondevice.decoding.sampling import sample_rows
from ondevice.decoding.tally import Tally
from ondevice.decoding.verdicts import Verdicts
from ondevice.decoding.writer import Writer
from ondevice.edits import Buffer, Unified
from ondevice.events import Event, SampleFinished


@dataclass
class _Step:
    """What a writer has evaluated next; ``sampled`` for a single token that was drawn."""

    number: int
    writer: Writer
    tokens: list[int]
    sampled: bool


Steps = Generator[Event | Work, Logits | None, None]
"""What happens, and what is to be computed in between, each answered with its logits."""


class Engine:
    """Decodes the samples of one request."""

    def __init__(self, pool: Pool, request: Request, buffer: Buffer) -> None:
        self.pool = pool
        most = pool.backend.max_sequences
        self.width = min(request.samples, request.width or request.samples, most)
        """Sequences of the pool that it takes."""
        self._request = request
        self._buffer = buffer
        self._started = 0.0
        self._waiting = list(range(request.samples))
        self._writers: dict[int, Writer] = {}
        """By the number of the sample: those that are being decoded."""
        self._ended: list[SampleFinished] = []
        self._checks, self._tests = Verdicts(request.checks), Verdicts(request.tests)

    def run(self) -> Generator[Event, None, None]:
        """Yield events until all samples are finished; the last one is ``Done``."""
        with closing(self.steps()) as steps:
            for step in steps:
                while isinstance(step, Work):
                    step = steps.send(step.compute())
                yield step

    def steps(self) -> Steps:
        """As ``run``, but leave the computing to whoever goes through this (see ``Scheduler``)."""
        request = self._request
        self._started = time.perf_counter()
        with self.pool.lease(request.start, self.width) as lease:
            logits = yield from lease.prefilling(0, request.start)
            places = list(range(len(lease)))
            while self._waiting or self._writers:
                while self._waiting and places and len(self._writers) < self._limit():
                    self._start(self._waiting.pop(0), places.pop(0), lease, logits)
                yield from self._decode(lease)
                for number in [n for n, writer in self._writers.items() if writer.finish]:
                    writer = self._writers.pop(number)
                    places.append(writer.branch.place)
                    yield from self._finished(number, writer)
        yield conclude(self._ended)

    def _limit(self) -> int:
        """Return how many samples may be under way.

        Where the first that passes ends the search, one is tried alone at first, since it may well
        pass; the more have failed, the less is likely to be wasted on many at once.
        """
        return 1 + 2 * len(self._ended) if self._request.tests else self._request.samples

    def _start(self, number: int, place: int, lease: Lease, logits: Logits) -> None:
        """Begin a sample in a sequence, on what another one holds of the prompt."""
        request, backend = self._request, self.pool.backend
        lease.share(place, request.start)
        buffer = self._buffer if request.samples == 1 else self._buffer.copy()
        branch = Branch(
            lease,
            place,
            request.prompt,
            request.history,
            logits,
            request.dialect,
            buffer,
            backend.token_bytes,
            strict=not request.mends,
        )
        constraint = self._constraint() if request.constrained else None
        seed = request.seed if number == 0 else [request.seed, number]
        rng = np.random.default_rng(seed)
        tally = Tally(prompt_tokens=len(request.start), started=self._started)
        self._writers[number] = Writer(
            backend, request, branch, constraint, self._checks, rng, tally
        )

    def _constraint(self) -> Constraint:
        request, backend = self._request, self.pool.backend
        matchers = self.pool.matchers()
        vocabulary, ends = backend.vocab_size, backend.end_tokens
        if isinstance(request.dialect, Unified):
            return UnifiedConstraint(matchers, vocabulary, ends, dialect=request.dialect)
        return LintSeqConstraint(matchers, vocabulary, ends, lengths=request.lengths)

    def _decode(self, lease: Lease) -> Steps:
        """Bring every writer on by one token, or by those that must come."""
        steps = self._forced()
        drawn = [step for step in steps if step.sampled]
        if drawn:
            each = [step.writer.logits() for step in drawn]
            logits = np.stack(each) if len(each) > 1 else each[0][None]
            rngs = [step.writer.rng for step in drawn]
            for step, token in zip(
                drawn, sample_rows(logits, self._request.sampling, rngs), strict=True
            ):
                step.tokens = [step.writer.settled(token)]
        for step in [step for step in drawn if step.writer.ends(step.tokens[0])]:
            steps.remove(step)
            yield from self._told(step.number, step.writer.end_text(step.tokens[0]))
        if not steps:
            return
        for step in steps:
            step.writer.tally.count(len(step.tokens), forced=not step.sampled)
        batch = [(step.writer.branch.place, step.tokens) for step in steps]
        rows = yield from lease.evaluation(batch)
        for step, row in zip(steps, rows, strict=True):
            followed = step.writer.follow(step.tokens, row, sampled=step.sampled)
            yield from self._told(step.number, followed)

    def _forced(self) -> list[_Step]:
        """Return a step for every writer that has room; those that sample have no tokens yet."""
        late = time.perf_counter() - self._started > self._request.max_seconds
        steps = []
        for number, writer in self._writers.items():
            if late:
                writer.finish = writer.finish or "time"
            elif not writer.finish and (room := writer.room()) > 0:
                tokens = writer.forced()[:room]
                steps.append(_Step(number, writer, tokens, not tokens))
        return steps

    def _told(self, number: int, events: Iterator[Event]) -> Iterator[Event]:
        if number == 0:
            return events
        return (dataclasses.replace(event, sample=number) for event in events)

    def _finished(self, number: int, writer: Writer) -> Iterator[Event]:
        """Judge a finished sample; the first that passes the tests ends all."""
        event = self._judged(number, writer)
        self._ended.append(event)
        if self._request.samples == 1:
            return
        yield event
        if event.passed:
            self._waiting.clear()
            for other in self._writers.values():
                other.finish = other.finish or "passed"

    def _judged(self, number: int, writer: Writer) -> SampleFinished:
        writer.stop()
        branch = writer.branch
        text, finish = branch.buffer.text, writer.finish or "complete"
        findings, passed = writer.findings, None
        if self._request.tests and finish != "passed":
            failures = self._tests.of(text)
            findings, passed = (*findings, *failures), not failures
        stats = writer.tally.stats(len(branch.tokens))
        return SampleFinished(
            text, finish, findings, passed, branch.mean_logprob, stats, sample=number
        )
