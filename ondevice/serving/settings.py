"""What a server is told when it starts."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from ondevice.errors import RequestError

PORT = 8765
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Settings:
    """Where a server listens, and what it allows.

    ``token`` is what clients must present; without one, only this machine is served. ``queue`` is
    how many requests may wait beside those that have sequences of the cache; ``idle_seconds``, how
    long the model stays in memory unused, 0 for ever; ``grace_seconds``, how long requests may
    take to finish when the server is told to stop; ``max_seconds`` bounds one request, from when
    it has a sequence. Raises ``RequestError`` for what does not go together.
    """

    host: str = "127.0.0.1"
    port: int = PORT
    token: str | None = None
    queue: int = 64
    idle_seconds: float = 900.0
    grace_seconds: float = 30.0
    max_seconds: float = 300.0
    max_body: int = 2**20
    """Bytes of a request."""

    def __post_init__(self) -> None:
        """Check that a server which others can reach asks for a token."""
        if not self.is_local and not self.token:
            raise RequestError(
                f"{self.host} can be reached from other machines; give a token, in "
                "ONDEVICE_API_KEY or --token-file, or serve 127.0.0.1 alone"
            )
        if self.token is not None and not (self.token.isascii() and self.token.isprintable()):
            raise RequestError("the token must be printable ASCII characters")

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def allows_host(self, name: str) -> bool:
        """Tell whether a client may have asked for this name of the server.

        A name from elsewhere that was made to lead here (DNS rebinding) is not one of them. Where
        others are served, they may know this machine by any name, and need the token.
        """
        return not self.is_local or name in _LOCAL_NAMES or name == self.host
