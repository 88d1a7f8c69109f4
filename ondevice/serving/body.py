"""Reading the JSON object that a request brings."""

from __future__ import annotations

import asyncio
import json
from typing import Any, NoReturn

from starlette.requests import ClientDisconnect, Request

from ondevice.serving.errors import ApiError

SECONDS = 30.0
"""How long a body may take to arrive."""


async def read_object(request: Request, most: int) -> dict[str, Any]:
    """Return the JSON object in the body of a request, of at most so many bytes.

    Raises ``ApiError`` for what is too large, too slow, or no JSON object.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ApiError(415, "send JSON, with `Content-Type: application/json`")
    try:
        async with asyncio.timeout(SECONDS):
            body = await _read(request, most)
    except TimeoutError:
        raise ApiError(408, f"the body did not arrive within {SECONDS:.0f} seconds") from None
    except ClientDisconnect:
        raise ApiError(400, "the client left before its request was whole") from None
    try:
        found = json.loads(body, parse_constant=_no_number)
    except RecursionError:
        raise ApiError(400, "the body is nested too deeply") from None
    except ValueError as error:  # UnicodeDecodeError among them
        raise ApiError(400, f"the body is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise ApiError(400, f"the body must be a JSON object, not {type(found).__name__}")
    return found


async def _read(request: Request, most: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise ApiError(413, f"the body is larger than {most} bytes")
        parts.append(part)
    return b"".join(parts)


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
