"""Who may ask: the checks of Host, Origin and token in front of everything else."""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ondevice.serving.errors import ApiError
from ondevice.serving.settings import Settings

_HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}


class Guard:
    """ASGI middleware that lets only those requests through that may be answered.

    ``public`` are the paths that tell nothing and cost nothing, and are there without a token.

    A web page can make its visitor's browser ask this server. What gives it away: another site's
    Origin or ``Sec-Fetch-Site``, and where its own name was made to lead here, its Host.
    """

    def __init__(self, app: ASGIApp, settings: Settings, public: frozenset[str]) -> None:
        self._app = app
        self._public = public
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            self._check(scope)
        except ApiError as error:
            await error.response()(scope, receive, send_with_headers)
            return
        await self._app(scope, receive, send_with_headers)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if len(headers.getlist("host")) != 1 or not self._settings.allows_host(_name(host)):
            raise ApiError(
                403,
                f"this server does not go by the name {host!r}; ask for localhost or 127.0.0.1",
                code="host_not_allowed",
            )
        if not _same_site(headers, host, scope):
            raise ApiError(
                403, "a page from another site may not use this server", code="origin_not_allowed"
            )
        token = self._settings.token
        if token and scope["path"] not in self._public and not _presents(headers, token):
            raise ApiError(
                401,
                "this server wants its token, as `Authorization: Bearer TOKEN`",
                code="invalid_api_key",
                headers={"www-authenticate": "Bearer"},
            )


def _name(host: str) -> str:
    """Return the name in a Host header, without the port; empty where it is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _same_site(headers: Headers, host: str, scope: Scope) -> bool:
    origin = headers.get("origin")
    if origin is not None:
        return origin in (f"http://{host}", f"https://{host}")
    if headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
        return True
    # A link on another site may lead to the page.
    navigates = headers.get("sec-fetch-mode") == "navigate"
    return navigates and scope["method"] == "GET" and scope["path"] == "/"


def _presents(headers: Headers, token: str) -> bool:
    scheme, _, given = headers.get("authorization", "").partition(" ")
    given = given.strip()
    return scheme.lower() == "bearer" and secrets.compare_digest(given.encode(), token.encode())
