"""Running the application: the socket, signals, and an orderly end."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn

from ondevice.errors import RequestError
from ondevice.serving.app import make_app
from ondevice.serving.decoder import Decoder
from ondevice.serving.settings import Settings

_BACKLOG = 2048
_KEEP_ALIVE = 30
_MOST_HEADERS = 32 * 1024


class Server(uvicorn.Server):
    """Serves a decoder; ``url`` is where.

    Told to stop, it takes no more connections, lets requests finish for the grace time, and frees
    the model; told again by Ctrl-C, it does not wait.
    """

    def __init__(self, decoder: Decoder, settings: Settings) -> None:
        self._socket = _listen(settings)
        host, port = self._socket.getsockname()[:2]
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        self._decoder = decoder
        config = uvicorn.Config(
            make_app(decoder, settings),
            http="h11",
            ws="none",
            lifespan="on",
            log_level="warning",
            access_log=False,
            server_header=False,
            backlog=_BACKLOG,
            timeout_keep_alive=_KEEP_ALIVE,
            timeout_graceful_shutdown=max(1, round(settings.grace_seconds)),
            h11_max_incomplete_event_size=_MOST_HEADERS,
        )
        super().__init__(config)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop, at a signal; unlike uvicorn's own, without raising it again afterwards."""
        super().handle_exit(sig, frame)
        self._captured_signals.clear()

    def serve_until_stopped(self, ready: Callable[[str], None]) -> None:
        """Load the model, call ``ready`` with the address, and serve."""
        with contextlib.closing(self._decoder), self._socket:
            self._decoder.start()
            ready(self.url)
            self.run(sockets=[self._socket])


def _listen(settings: Settings) -> socket.socket:
    """Return a socket that listens there; ``RequestError`` where that cannot be had."""
    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((settings.host, settings.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise RequestError(
            f"cannot listen at {settings.host}, port {settings.port}: "
            f"{error.strerror or error}; choose another with --host or --port"
        ) from None
