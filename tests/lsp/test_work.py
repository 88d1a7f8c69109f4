"""Decoding in threads: cancelled within a step, the model loaded once."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Generator, Sequence

import pytest

from ondevice import Model
from ondevice.backends.base import Logits
from ondevice.backends.scripted import ScriptedBackend
from ondevice.errors import ModelNotFoundError
from ondevice.events import Done, Event
from ondevice.lsp.work import Jobs, Worker

SCRIPT = "@@ -0,0 +1,2 @@\n+x = 1\n+y = 2\n<|diff|>\n<|diff|>"


class Gated(ScriptedBackend):
    """Waits before each step after the first three until it is let on."""

    def __init__(self) -> None:
        super().__init__(SCRIPT)
        self.reached, self.open = threading.Event(), threading.Event()

    def evaluate(self, batch: Sequence[tuple[int, list[int]]]) -> Logits:
        if len(self.calls) == 3:
            self.reached.set()
            assert self.open.wait(20)
        return super().evaluate(batch)


def test_a_stream_is_followed_to_its_end() -> None:
    async def use() -> None:
        worker = Worker(lambda: Model(ScriptedBackend(SCRIPT), name="scripted"))
        seen: list[Event] = []
        model = await worker.model()
        last = await worker.follow(lambda: model.stream("x"), seen.append)
        assert isinstance(last, Done)
        assert seen[-1] is last
        assert seen == [*list(model.stream("x"))[:-1], last]
        worker.close()

    asyncio.run(use())


def test_a_cancelled_task_ends_its_stream_within_a_step() -> None:
    backend = Gated()

    async def use() -> None:
        worker = Worker(lambda: Model(backend, name="scripted"))
        model = await worker.model()
        task = asyncio.create_task(worker.follow(lambda: model.stream("x")))
        while not backend.reached.is_set():
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        backend.open.set()
        worker.close()

    asyncio.run(use())
    assert len(backend.calls) == 4, "the step that was under way, and none after it"


def test_the_model_is_loaded_once_and_again_after_a_failure() -> None:
    loads = []

    def load() -> Model:
        loads.append(time.monotonic())
        if len(loads) == 1:
            raise ModelNotFoundError("no such model")
        time.sleep(0.05)
        return Model(ScriptedBackend(SCRIPT), name="scripted")

    async def use() -> None:
        worker = Worker(load)
        assert not worker.is_loaded
        with pytest.raises(ModelNotFoundError):
            await worker.model()
        assert not worker.is_loaded
        impatient = asyncio.create_task(worker.model())
        await asyncio.sleep(0)
        impatient.cancel()
        one, other = await asyncio.gather(worker.model(), worker.model())
        assert one is other
        assert worker.is_loaded
        assert len(loads) == 2
        worker.close()

    asyncio.run(use())


def test_what_a_stream_raises_is_raised() -> None:
    def stream() -> Generator[Event, None, None]:
        yield Done("", "complete", (), None)  # type: ignore[arg-type]
        raise ModelNotFoundError("gone")

    async def use() -> None:
        worker = Worker(lambda: Model(ScriptedBackend(SCRIPT), name="scripted"))
        with pytest.raises(ModelNotFoundError):
            await worker.follow(stream)
        worker.close()

    asyncio.run(use())


def test_jobs_that_are_outrun() -> None:
    async def use() -> None:
        jobs = Jobs()
        reasons = []

        async def wait(uri: str, kind: str) -> None:
            with jobs.running(uri, kind) as job:  # type: ignore[arg-type]
                try:
                    await asyncio.sleep(20)
                except asyncio.CancelledError:
                    reasons.append((uri, kind, job.outrun))

        tasks = [asyncio.create_task(wait(*which)) for which in [("a", "edit"), ("b", "edit")]]
        tasks.append(asyncio.create_task(wait("a", "completion")))
        await asyncio.sleep(0)
        jobs.outrun("a", "is asked anew", "completion")
        await asyncio.gather(*tasks[2:])
        jobs.outrun("a", "was changed")
        jobs.outrun("a", "was closed")
        await asyncio.gather(*tasks[:1])
        jobs.outrun("b", "was closed")
        await asyncio.gather(*tasks)
        assert reasons == [
            ("a", "completion", "is asked anew"),
            ("a", "edit", "was changed"),
            ("b", "edit", "was closed"),
        ]

    asyncio.run(use())
