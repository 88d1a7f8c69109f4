"""The asynchronous twins: the same results, beside each other, and over within a step."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import ondevice
from ondevice.backends.scripted import ScriptedBackend
from ondevice.errors import CheckError, RequestError
from ondevice.events import Done, Event, HunkApplied

SCRIPT = "@@ -0,0 +1,2 @@\n+for i in range(3):\n+    print(i)\n<|diff|>\n<|diff|>"
PROGRAM = "for i in range(3):\n    print(i)\n"


class Endless(ScriptedBackend):
    """Writes one line that never ends; each step waits until it may be made."""

    def __init__(self) -> None:
        super().__init__(self._wish, max_sequences=1)
        self.steps = 0
        self.may = threading.Semaphore(0)

    def _wish(self, tokens: Sequence[int]) -> NDArray[np.float32]:
        self.may.acquire()
        self.steps += 1
        row = np.zeros(self.vocab_size, dtype=np.float32)
        row[ord("a")] = 30
        return row


@pytest.fixture
def model() -> ondevice.Model:
    return ondevice.Model(ScriptedBackend(SCRIPT, max_sequences=2), name="scripted")


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(work, 60))


def test_each_gives_what_its_twin_gives(model: ondevice.Model) -> None:
    async def all_of_them() -> tuple[Any, ...]:
        return (
            await model.agenerate("count"),
            await model.asample("count", 3),
            await model.aedit("x", source=""),
            [event async for event in model.astream("count", samples=2)],
        )

    generated, sampled, edited, events = run(all_of_them())
    assert generated.text == model.generate("count").text == PROGRAM
    assert [(one.text, one.count) for one in sampled] == [(PROGRAM, 3)]
    assert edited.text == PROGRAM
    plain = list(model.stream("count", samples=2))
    assert [type(event) for event in events] == [type(event) for event in plain]


def test_many_at_once_and_the_loop_stays_free(model: ondevice.Model) -> None:
    async def many() -> tuple[list[ondevice.Result], int]:
        turns = 0

        async def turn() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0.001)
                turns += 1

        beside = asyncio.create_task(turn())
        results = await asyncio.gather(*(model.agenerate("count") for _ in range(30)))
        beside.cancel()
        return results, turns

    results, turns = run(many())
    assert {result.text for result in results} == {PROGRAM}
    assert turns > 0
    model.close()


async def _generate(model: ondevice.Model) -> object:
    return await model.agenerate("x", max_tokens=4000)


async def _sample(model: ondevice.Model) -> object:
    return await model.asample("x", 2, max_tokens=4000)


async def _stream(model: ondevice.Model) -> object:
    return [event async for event in model.astream("x", max_tokens=4000)]


@pytest.mark.parametrize("ask", [_generate, _sample, _stream])
def test_a_cancelled_task_is_over_within_a_step(
    ask: Callable[[ondevice.Model], Awaitable[object]],
) -> None:
    backend = Endless()
    model = ondevice.Model(backend, name="endless")

    async def cancelled() -> int:
        task = asyncio.ensure_future(ask(model))
        for _ in range(20):
            backend.may.release()
        while backend.steps < 20:
            await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.sleep(0.02)
        assert not task.done(), "it waits for the step that is under way"
        for _ in range(100):
            backend.may.release()
        with pytest.raises(asyncio.CancelledError):
            await task
        return backend.steps

    assert run(cancelled()) <= 22, "a step of two samples has two rows"
    assert backend.steps <= 22
    model.close()  # nothing holds it any more


def test_a_task_that_waits_for_its_turn_can_be_cancelled(model: ondevice.Model) -> None:
    streams = [model.stream("count"), model.stream("count")]
    for stream in streams:
        next(stream)

    async def cancelled() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await model.agenerate("count")

    run(cancelled())
    for stream in streams:
        stream.close()
    model.close()


def test_a_stream_that_is_left(model: ondevice.Model) -> None:
    async def first_hunk() -> Event | None:
        async with contextlib.aclosing(model.astream("count")) as events:
            async for event in events:
                if isinstance(event, HunkApplied):
                    return event
        return None

    assert run(first_hunk()) is not None
    model.close()


def test_a_slow_reader_holds_decoding_up() -> None:
    backend = Endless()
    model = ondevice.Model(backend, name="endless")
    for _ in range(3000):
        backend.may.release()

    async def slow() -> int:
        async with contextlib.aclosing(model.astream("x", max_tokens=2000)) as events:
            await anext(events)
            await asyncio.sleep(0.2)
            return backend.steps

    assert run(slow()) < 200


@pytest.mark.parametrize("twin", ["agenerate", "astream"])
def test_errors_arrive(model: ondevice.Model, twin: str) -> None:
    async def ask(prompt: str, **options: Any) -> None:
        if twin == "agenerate":
            await model.agenerate(prompt, **options)
        else:
            async for _ in model.astream(prompt, **options):
                pass

    with pytest.raises(RequestError, match="the prompt is empty"):
        run(ask(""))
    with pytest.raises(CheckError, match="ZeroDivisionError"):
        run(ask("count", check=lambda text: 1 / 0))


def test_the_callers_own_cancel_is_heeded(model: ondevice.Model) -> None:
    stop = threading.Event()
    stop.set()
    assert run(model.agenerate("count", cancel=stop)).finish_reason == "cancelled"


def test_two_models_in_one_loop() -> None:
    other = SCRIPT.replace("range(3)", "range(4)")
    models = [
        ondevice.Model(ScriptedBackend(script), name="scripted") for script in (SCRIPT, other)
    ]

    async def both() -> list[str]:
        results = await asyncio.gather(*(model.agenerate("count") for model in models))
        return [result.text for result in results]

    assert run(both()) == [PROGRAM, PROGRAM.replace("3", "4")]
    models[0].close()
    assert models[1].generate("count").text == PROGRAM.replace("3", "4")


def test_the_last_event_is_done(model: ondevice.Model) -> None:
    async def last() -> Event:
        return [event async for event in model.astream("count")][-1]

    assert isinstance(run(last()), Done)
