"""The events of a request, as ``Model.stream`` gives them."""

from __future__ import annotations

from collections.abc import Generator
from types import TracebackType
from typing import TYPE_CHECKING

from ondevice.events import Event

if TYPE_CHECKING:
    from ondevice.decoding import Engine


class Stream(Generator[Event, None, None]):
    """What happens while a program is written, ``Done`` last; closing it cancels.

    ``engine`` decodes it; a ``Scheduler`` runs that itself, beside others', instead of this.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._events = engine.run()

    def send(self, value: None) -> Event:
        """Return the next event."""
        return self._events.send(value)

    def throw(
        self,
        kind: type[BaseException] | BaseException,
        value: BaseException | object = None,
        trace: TracebackType | None = None,
    ) -> Event:
        """Raise an error where the stream stands; what it holds is freed."""
        error = kind if isinstance(kind, BaseException) else kind()
        return self._events.throw(error)
