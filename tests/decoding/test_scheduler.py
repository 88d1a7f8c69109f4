"""Requests side by side in one thread: each gets what it gets alone, and none holds up another."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ondevice.backends.scripted import ScriptedBackend
from ondevice.decoding import Engine, Pool, Request, Sampling, Scheduler, Turn
from ondevice.edits import Buffer
from ondevice.errors import OutOfMemoryError
from ondevice.events import Event
from tests.decoding.helpers import BOTH, FIRST, PROMPT, SECOND, STOP, done, noise, tokens_of


def engine(pool: Pool, seed: int = 0, temperature: float = 1.0, **options: object) -> Engine:
    request = Request(
        [seed % 7 + 40, *PROMPT], seed=seed, sampling=Sampling(temperature), max_tokens=60
    )
    for name, value in options.items():
        object.__setattr__(request, name, value)
    return Engine(pool, request, Buffer())


def run(scheduler: Scheduler, engines: Sequence[Engine]) -> list[list[Event]]:
    """Run all, each as soon as there is room; return each one's events."""
    waiting = list(enumerate(engines))
    events: list[list[Event]] = [[] for _ in engines]
    while waiting or len(scheduler):
        while waiting and scheduler.has_room(waiting[0][1]):
            scheduler.add(*waiting.pop(0))
        for turn in scheduler.step():
            assert turn.error is None
            assert isinstance(turn.key, int)
            events[turn.key] += turn.events
    return events


def without_times(events: list[Event]) -> list[object]:
    return [event for event in events[:-1] if not hasattr(event, "stats")] + [done(events).text]


@pytest.mark.parametrize(("together", "lanes"), [(1, 1), (3, 1), (8, 1), (1, 3), (2, 2)])
def test_each_gets_what_it_gets_alone(together: int, lanes: int) -> None:
    alone = [list(engine(Pool(ScriptedBackend(noise(5))), seed).run()) for seed in range(12)]
    backend = ScriptedBackend(noise(5), max_sequences=5)
    pool = Pool(backend)
    scheduler = Scheduler(together, lanes)
    beside = run(scheduler, [engine(pool, seed) for seed in range(12)])
    scheduler.close()
    assert list(map(without_times, beside)) == list(map(without_times, alone))
    assert max(map(len, backend.calls)) == min(together, 5)
    assert pool.has_room(5)


def test_samples_beside_single_requests() -> None:
    def requests(pool: Pool) -> list[Engine]:
        return [
            engine(pool, 3, samples=3, width=3),
            engine(pool, 1),
            engine(pool, 2, samples=2, width=2),
        ]

    separate = [
        without_times(list(requests(Pool(ScriptedBackend(noise(2), max_sequences=3)))[at].run()))
        for at in range(3)
    ]
    pool = Pool(ScriptedBackend(noise(2), max_sequences=6))
    assert list(map(without_times, run(Scheduler(4), requests(pool)))) == separate


def test_a_prompt_is_evaluated_on_its_own() -> None:
    """The batches of a prompt are always the same, and others go on between two of them."""
    backend = ScriptedBackend(noise(1), max_sequences=2)
    pool = Pool(backend)
    scheduler = Scheduler(8)
    scheduler.add("short", engine(pool))
    for _ in range(4):
        scheduler.step()
    backend.calls.clear()
    long = Engine(pool, Request([7] * 200, max_tokens=5), Buffer())
    scheduler.add("long", long)
    turns = [turn for _ in range(6) for turn in scheduler.step()]
    assert [len(tokens) for call in backend.calls for number, tokens in call if number == 1][
        :4
    ] == [64, 64, 64, 8]
    assert sum(bool(turn.events) for turn in turns if turn.key == "short") >= 5


def test_a_removed_request_frees_its_sequence_at_once() -> None:
    pool = Pool(ScriptedBackend(noise(1)))
    scheduler = Scheduler()
    first, second = engine(pool, 1), engine(pool, 2)
    scheduler.add("first", first)
    for _ in range(5):
        scheduler.step()
    assert not scheduler.has_room(second)
    scheduler.remove("first")
    assert scheduler.has_room(second)
    scheduler.remove("first")
    assert not len(scheduler)


class Failing(ScriptedBackend):
    """A backend that cannot evaluate one token, and then appends nothing, as all do."""

    def _append(self, rows: list[tuple[int, list[int]]]) -> object:  # type: ignore[override]
        if any(99 in tokens for _, tokens in rows):
            raise OutOfMemoryError("no room")
        return super()._append(rows)


def test_an_error_is_of_one_request_alone() -> None:
    text = f"{FIRST}{SECOND}{STOP}"
    backend = Failing(text, max_sequences=2)  # "c" is token 99
    pool = Pool(backend)
    scheduler = Scheduler(2)
    turns: list[Turn] = []
    scheduler.add("fails", engine(pool, 0, 0.0, max_tokens=200))
    scheduler.add("goes on", engine(pool, 0, 0.0, max_tokens=16))
    while len(scheduler):
        turns += scheduler.step()
    ended = {turn.key: turn for turn in turns if turn.ended}
    assert isinstance(ended["fails"].error, OutOfMemoryError)
    assert ended["goes on"].error is None
    assert pool.has_room(2)


def test_events_come_with_the_step_that_made_them() -> None:
    pool = Pool(ScriptedBackend(f"{FIRST}{SECOND}{STOP}"))
    scheduler = Scheduler()
    scheduler.add(0, engine(pool, 0, 0.0, max_tokens=200))
    (prompt,), (first,) = scheduler.step(), scheduler.step()
    assert not prompt.events
    assert tokens_of(first.events)
    events = [*first.events]
    while len(scheduler):
        events += scheduler.step()[0].events
    assert done(events).text == BOTH
