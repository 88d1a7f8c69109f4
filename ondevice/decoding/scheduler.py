"""Several requests at once in one thread: a step of each in turn, computed together."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from ondevice.backends.base import Logits
from ondevice.decoding.engine import Engine, Steps
from ondevice.decoding.lease import Work, compute_together
from ondevice.events import Event


@dataclass(slots=True)
class Turn:
    """What one step brought a request; ``error`` ended it where there is one."""

    key: Hashable
    events: list[Event] = field(default_factory=list)
    ended: bool = False
    error: Exception | None = None


@dataclass(slots=True)
class _Running:
    key: Hashable
    steps: Steps
    work: Work
    """What it waits for."""


_Batch = list[tuple[Hashable, Work]]
_Answers = dict[Hashable, Logits | Exception]


class Scheduler:
    """Runs the engines of one model's requests side by side; for one thread alone.

    Threads that decode by themselves wait for each other at every token, which costs a small model
    more than the token does. The next tokens of up to ``together`` requests are computed as one
    batch; longer appends, such as prompts, always are on their own. Where rows of a batch leave
    each other's logits as they are (see ``Pool.independent_width``), what a request gives does not
    depend on the others; elsewhere, ``together`` must be 1 for that. Batches of one step are
    computed side by side in up to ``lanes`` threads (see ``Backend.lanes``).
    """

    def __init__(self, together: int = 1, lanes: int = 1) -> None:
        self._together = together
        self._lanes = lanes
        self._threads = ThreadPoolExecutor(lanes - 1, "ondevice-lane") if lanes > 1 else None
        self._running: dict[Hashable, _Running] = {}

    def __len__(self) -> int:
        return len(self._running)

    def has_room(self, engine: Engine) -> bool:
        """Tell whether there are sequences for this engine now."""
        return engine.pool.has_room(engine.width)

    def add(self, key: Hashable, engine: Engine) -> None:
        """Lend an engine its sequences, and run it from the next step on.

        ``has_room`` tells whether there are enough of them; see ``Pool.lease``.
        """
        steps = engine.steps()
        work = next(steps)
        assert isinstance(work, Work)  # a prompt has at least one token
        self._running[key] = _Running(key, steps, work)

    def remove(self, key: Hashable) -> None:
        """Stop a request, if it is running, and free its sequences."""
        if running := self._running.pop(key, None):
            running.steps.close()

    def close(self) -> None:
        """Stop all requests, and end the threads."""
        for key in list(self._running):
            self.remove(key)
        if self._threads:
            self._threads.shutdown()

    def step(self) -> list[Turn]:
        """Bring every request on by one token, or by those that must come; tell what happened."""
        answers = self._computed()
        turns = []
        for running in list(self._running.values()):
            turn = Turn(running.key)
            turns.append(turn)
            answer = answers[running.key]
            try:
                if isinstance(answer, Exception):
                    raise answer
                self._advance(running, answer, turn)
            except Exception as error:
                turn.error = error
                turn.ended = True
            if turn.ended:
                self.remove(running.key)
        return turns

    def _advance(self, running: _Running, answer: Logits, turn: Turn) -> None:
        """Collect events until the next work."""
        try:
            step = running.steps.send(answer)
            while not isinstance(step, Work):
                turn.events.append(step)
                step = next(running.steps)
            running.work = step
        except StopIteration:
            turn.ended = True

    def _computed(self) -> _Answers:
        """Return the answers to all work, by request."""
        batches = self._batches()
        if not batches:
            return {}
        lanes = [batches[lane :: self._lanes] for lane in range(min(self._lanes, len(batches)))]
        _, first = batches[0][0]
        with first.lease.computing:
            if not self._threads or len(lanes) == 1:
                return _answered_all(batches)
            others = [self._threads.submit(_answered_all, lane) for lane in lanes[1:]]
            answers = _answered_all(lanes[0])
            for other in others:
                answers |= other.result()
            return answers

    def _batches(self) -> list[_Batch]:
        """Return all work, that which may be computed together in one batch."""
        apart: list[_Batch] = []
        together: list[_Batch] = []
        room = 0
        for running in self._running.values():
            rows = running.work.rows
            job = (running.key, running.work)
            if any(len(tokens) > 1 for _, tokens in rows) or len(rows) > self._together:
                apart.append([job])
            elif len(rows) <= room:
                together[-1].append(job)
                room -= len(rows)
            else:
                together.append([job])
                room = self._together - len(rows)
        return [*apart, *together]


def _answered_all(batches: Iterable[_Batch]) -> _Answers:
    answers: _Answers = {}
    for batch in batches:
        answers |= _answered(batch)
    return answers


def _answered(batch: _Batch) -> _Answers:
    try:
        logits = compute_together([work for _, work in batch])
        return {key: rows for (key, _), rows in zip(batch, logits, strict=True)}
    except Exception as error:
        if len(batch) == 1:
            return {batch[0][0]: error}
    # One of them has failed, and nothing was appended: the others are not to suffer for it.
    return {key: answer for job in batch for key, answer in _answered([job]).items()}
