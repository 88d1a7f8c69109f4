"""The same as asynchronous functions: each request decodes in a thread of its own.

asyncio is imported where it is used, since most commands do without.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from ondevice.events import Event
from ondevice.options import Cancel, Options, StreamOptions
from ondevice.results import Result

if TYPE_CHECKING:
    import asyncio

    from ondevice.streams import Stream

_AHEAD = 32
"""Events that a stream may be ahead of whoever takes them."""

_T = TypeVar("_T")


class AsyncTwins:
    """What a model can do, for asyncio.

    Where the task that waits is cancelled, decoding ends within one step, and only then does the
    task end: its sequences are free for others, and the model can be closed.
    """

    if TYPE_CHECKING:
        stream: Callable[..., Stream]
        generate: Callable[..., Result]
        edit: Callable[..., Result]
        sample: Callable[..., list[Result]]

    async def agenerate(self, prompt: str, **options: Unpack[Options]) -> Result:
        """Write a program, as ``generate`` does.

        >>> async def both():
        ...     asked = (model.agenerate(f"write {name}") for name in ("fizzbuzz", "factorial(n)"))
        ...     return await asyncio.gather(*asked)
        >>> [result.finish_reason for result in asyncio.run(both())]
        ['complete', 'complete']
        """
        return await _whole(self.generate, prompt, **options)

    async def aedit(self, prompt: str, **options: Unpack[Options]) -> Result:
        """Change a program, as ``edit`` does.

        >>> result = asyncio.run(model.aedit("write factorial(n)", source="# Mine.\\n"))
        >>> "# Mine." in result.text
        True
        """
        return await _whole(self.edit, prompt, **options)

    async def asample(self, prompt: str, n: int, **options: Unpack[Options]) -> list[Result]:
        """Write several programs, as ``sample`` does.

        >>> results = asyncio.run(model.asample("write fizzbuzz", 4))
        >>> sum(result.count for result in results)
        4
        """
        return await _whole(self.sample, prompt, n, **options)

    async def astream(
        self, prompt: str, **options: Unpack[StreamOptions]
    ) -> AsyncGenerator[Event, None]:
        """Yield what happens, as ``stream`` does; decoding is a few events ahead.

        Closing the generator (``aclose``) cancels, as does cancelling the task that goes through
        it; use ``contextlib.aclosing`` where it is left before its end.

        >>> async def first_hunk():
        ...     async with contextlib.aclosing(model.astream("write fizzbuzz")) as events:
        ...         async for event in events:
        ...             if isinstance(event, ondevice.events.HunkApplied):
        ...                 return event.added[0]
        >>> asyncio.run(first_hunk())
        'for number in range(1, 101):'
        """
        import asyncio

        stop = _Stop(options.pop("cancel", None))
        events: asyncio.Queue[Event | None] = asyncio.Queue()
        room = threading.Semaphore(_AHEAD)
        tell = asyncio.get_running_loop().call_soon_threadsafe

        def decode() -> None:
            try:
                with closing(self.stream(prompt, **options, cancel=stop)) as stream:
                    for event in stream:
                        room.acquire()
                        if stop.asked:
                            return
                        tell(events.put_nowait, event)
            finally:
                tell(events.put_nowait, None)

        thread = _Thread(decode)
        try:
            while (event := await events.get()) is not None:
                room.release()
                yield event
            await thread.ended()  # raises what went wrong
        finally:
            stop.asked = True
            room.release()
            await thread.ended(quietly=True)


async def _whole(work: Callable[..., _T], *arguments: Any, **options: Any) -> _T:
    """Return what a function returns that decodes, and have it stop when this is cancelled."""
    stop = _Stop(options.pop("cancel", None))
    results: list[_T] = []
    thread = _Thread(lambda: results.append(work(*arguments, **options, cancel=stop)))
    try:
        await thread.ended()
    finally:
        stop.asked = True
        await thread.ended(quietly=True)
    return results[0]


class _Stop:
    """Set when the task is cancelled, or when the caller's own object to cancel by is set."""

    def __init__(self, other: Cancel | None) -> None:
        self.asked = False
        self._other = other

    def is_set(self) -> bool:
        return self.asked or bool(self._other and self._other.is_set())


class _Thread:
    """Runs a function in a thread that begins at once, in the context of the caller."""

    def __init__(self, work: Callable[[], object]) -> None:
        import asyncio

        self._loop = asyncio.get_running_loop()
        self._done: asyncio.Future[None] = self._loop.create_future()
        run = contextvars.copy_context().run
        # A daemon, since a loop that is closed midway is not to hold the process up.
        threading.Thread(target=run, args=(self._run, work), daemon=True).start()

    def _run(self, work: Callable[[], object]) -> None:
        error = None
        try:
            work()
        except BaseException as raised:
            error = raised
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            self._loop.call_soon_threadsafe(self._settle, error)

    def _settle(self, error: BaseException | None) -> None:
        if error is None:
            self._done.set_result(None)
        else:
            self._done.set_exception(error)
            self._done.exception()  # or asyncio complains where nobody asks any more

    async def ended(self, *, quietly: bool = False) -> None:
        """Wait until it has ended; raise what the function raised, unless ``quietly``."""
        import asyncio

        try:
            await asyncio.shield(self._done)
        except asyncio.CancelledError:
            raise
        except BaseException:
            if not quietly:
                raise
