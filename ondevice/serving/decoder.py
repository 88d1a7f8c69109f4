"""The thread that decodes all requests, and keeps the model in memory while it is used."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from ondevice.decoding import Engine, Scheduler, Turn
from ondevice.errors import OndeviceError
from ondevice.events import Line, Token
from ondevice.model import Model
from ondevice.serving.asking import Ask
from ondevice.serving.errors import ApiError
from ondevice.serving.ticket import Failed, Message, Ticket

_LONGEST_WAIT = 60
_CADENCE = 0.02
"""Seconds between two deliveries of tokens. Hunks and edits, and all that comes after them, are
delivered at once, and what nobody streams at its end."""
_QUICK = (Token, Line)
"""Events that wait for that."""
_RECENT = 0.1
"""Weight of the last request in how long requests take."""

log = logging.getLogger(__name__)


class Decoder:
    """Runs requests side by side in a thread of its own; everything else calls it from one loop.

    ``load`` gives the model, when it is first needed and again after it has not been for
    ``idle_seconds`` (0: it stays). ``queued`` is how many requests may wait; see
    ``Model.scheduler`` for ``mixed``.
    """

    def __init__(
        self,
        load: Callable[[], Model],
        *,
        queued: int = 64,
        idle_seconds: float = 0.0,
        mixed: bool = False,
    ) -> None:
        self._load = load
        self._queued = queued
        self._idle_seconds = idle_seconds
        self._mixed = mixed
        self._inbox: queue.SimpleQueue[Ticket | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="ondevice-decoder", daemon=True)
        self._model: Model | None = None
        self._scheduler = Scheduler()
        self._waiting: deque[Ticket] = deque()
        self._running: dict[int, Ticket] = {}
        self._open: set[Ticket] = set()
        """Tickets that have not ended; of the loop."""
        self._sent = 0.0
        self._closing = False
        self._seconds = 1.0
        """How long a request takes, once it is running."""
        self.name = ""
        self.sequences = 1

    @property
    def loaded(self) -> bool:
        """Whether the model is in memory."""
        return self._model is not None

    @property
    def running(self) -> int:
        """How many requests have sequences of the cache."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """How many requests wait for that."""
        return max(0, len(self._open) - len(self._running))

    def start(self) -> None:
        """Load the model and begin; what is wrong with the model is raised here."""
        self._take_model()
        self._thread.start()

    def submit(self, ask: Ask) -> Ticket:
        """Put a request in line.

        Raises ``ApiError`` when too many wait already, and when the server is about to stop.
        """
        if self._closing:
            raise ApiError(503, "the server is stopping")
        if len(self._open) >= self.sequences + self._queued:
            rounds = len(self._open) / self.sequences
            wait = min(_LONGEST_WAIT, max(1, round(self._seconds * rounds)))
            raise ApiError(
                429,
                f"{self.waiting} requests wait already; try again in {wait} seconds",
                code="queue_full",
                headers={"retry-after": str(wait)},
            )
        ticket = Ticket(ask)
        self._open.add(ticket)
        self._inbox.put(ticket)
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """Stop a request, if it is not finished; its sequences are free within one step."""
        ticket.left = True
        self._open.discard(ticket)

    def close(self) -> None:
        """Stop all requests, end the thread and free the model."""
        self._closing = True
        self._inbox.put(None)
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while self._receive():
            try:
                self._admit()
                self._tell(self._scheduler.step())
            except Exception as error:
                log.exception("the decoder failed")
                self._fail_all(error)
        self._fail_all(ApiError(503, "the server has stopped"))
        self._free_model()

    def _receive(self) -> bool:
        """Take in new requests, waiting for one where nothing is to be done; false at the end."""
        idle = not self._running and not self._waiting
        seconds = self._idle_seconds if self._idle_seconds > 0 and self.loaded else None
        try:
            ticket = self._inbox.get(block=idle, timeout=seconds)
        except queue.Empty:
            if idle:
                self._free_model()
            return True
        with contextlib.suppress(queue.Empty):
            while ticket is not None:
                self._prepare(ticket)
                ticket = self._inbox.get_nowait()
        return ticket is not None

    def _prepare(self, ticket: Ticket) -> None:
        """Find out whether a request can be carried out, and put it in line if so."""
        ask = ticket.ask
        try:
            model = self._take_model()
            ticket.engine = model.stream(ask.prompt, samples=ask.samples, **ask.options).engine
        except Exception as error:
            self._send([(ticket, _failed(error))])
        else:
            self._waiting.append(ticket)
            self._send([(ticket, [])])

    def _admit(self) -> None:
        """Drop those that have left, and begin those that there is room for, in order."""
        for key, ticket in list(self._running.items()):
            if ticket.left:
                self._scheduler.remove(key)
                del self._running[key]
        if any(ticket.left for ticket in self._waiting):
            self._waiting = deque(ticket for ticket in self._waiting if not ticket.left)
        while self._waiting:
            ticket = self._waiting[0]
            assert ticket.engine is not None
            if not self._scheduler.has_room(ticket.engine):
                return
            self._waiting.popleft()
            self._begin(ticket, ticket.engine)

    def _begin(self, ticket: Ticket, engine: Engine) -> None:
        ticket.started = time.perf_counter()
        try:
            self._scheduler.add(id(ticket), engine)
        except Exception as error:
            self._send([(ticket, _failed(error))])
        else:
            self._running[id(ticket)] = ticket

    def _tell(self, turns: list[Turn]) -> None:
        """Note what a step brought, and pass on what cannot wait."""
        urgent = False
        ended: list[tuple[Ticket, Message]] = []
        for turn in turns:
            assert isinstance(turn.key, int)
            ticket = self._running[turn.key]
            ticket.pending += turn.events
            if turn.ended:
                ended += [(ticket, ticket.taken()), (ticket, self._end(ticket, turn))]
            elif ticket.ask.stream and not all(isinstance(event, _QUICK) for event in turn.events):
                urgent = True
        now = time.perf_counter()
        if ended or urgent or now - self._sent > _CADENCE:
            streams = [ticket for ticket in self._running.values() if ticket.ask.stream]
            self._send([*ended, *((one, one.taken()) for one in streams if one.pending)])
            self._sent = now

    def _end(self, ticket: Ticket, turn: Turn) -> Failed | None:
        del self._running[id(ticket)]
        taken = time.perf_counter() - ticket.started
        self._seconds += _RECENT * (taken - self._seconds)
        return _failed(turn.error) if turn.error else None

    def _send(self, messages: Sequence[tuple[Ticket, Message]]) -> None:
        """Pass messages on to the loop, all at once: waking it up is what costs."""
        if not messages:
            return

        def deliver() -> None:
            for ticket, message in messages:
                if message is None or isinstance(message, Failed):
                    self._open.discard(ticket)
                ticket.put(message)

        messages[0][0].call(deliver)

    def _fail_all(self, error: Exception) -> None:
        for key in self._running:
            self._scheduler.remove(key)
        tickets = [*self._running.values(), *self._waiting]
        self._running.clear()
        self._waiting.clear()
        self._send([(ticket, Failed(error)) for ticket in tickets])

    def _take_model(self) -> Model:
        if self._model is None:
            self._model = self._load()
            self._scheduler = self._model.scheduler(mixed=self._mixed)
            self.name, self.sequences = self._model.name, self._model.sequences
        return self._model

    def _free_model(self) -> None:
        if self._model is not None:
            self._scheduler.close()
            self._model.close()
            self._model = None


def _failed(error: Exception) -> Failed:
    """Return the message of an error; what nobody foresaw is told in the log as well."""
    if not isinstance(error, OndeviceError):
        log.error("a request failed", exc_info=error)
    return Failed(error)
