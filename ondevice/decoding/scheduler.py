"""Several requests at once in one thread: a step of each in turn, computed together."""

from __future__ import annotations

from collections.abc import Hashable
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


class Scheduler:
    """Runs the engines of one model's requests side by side; for one thread alone.

    Threads that decode by themselves wait for each other at every token, which costs a small model
    more than the token does. Where up to ``together`` rows of a batch leave each other's logits as
    they are, the next tokens of so many requests are computed as one batch; longer appends, such as
    prompts, always are on their own. So what a request gives never depends on the others.
    """

    def __init__(self, together: int = 1) -> None:
        self._together = together
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

    def _computed(self) -> dict[Hashable, Logits | Exception]:
        """Return the answers to all work, by request."""
        answers: dict[Hashable, Logits | Exception] = {}
        batch: list[tuple[Hashable, Work]] = []
        rows = 0
        for running in self._running.values():
            each = len(running.work.rows)
            if any(len(tokens) > 1 for _, tokens in running.work.rows) or each > self._together:
                answers |= _answered([(running.key, running.work)])
                continue
            if rows + each > self._together:
                answers |= _answered(batch)
                batch, rows = [], 0
            batch.append((running.key, running.work))
            rows += each
        return answers | _answered(batch)


def _answered(batch: list[tuple[Hashable, Work]]) -> dict[Hashable, Logits | Exception]:
    if not batch:
        return {}
    try:
        logits = compute_together([work for _, work in batch])
        return {key: rows for (key, _), rows in zip(batch, logits, strict=True)}
    except Exception as error:
        if len(batch) == 1:
            return {batch[0][0]: error}
    # One of them has failed, and nothing was appended: the others are not to suffer for it.
    return {key: answer for job in batch for key, answer in _answered([job]).items()}
