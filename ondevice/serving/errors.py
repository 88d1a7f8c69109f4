"""What a client is told when its request is not answered: a status, and OpenAI's form of errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse

from ondevice.errors import OndeviceError, RequestError

_KINDS = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


class ApiError(Exception):
    """A request that is answered with an error.

    ``param`` names the field that is to blame, ``code`` is for programs.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.param = param
        self.code = code
        self.headers = headers

    def to_json(self) -> dict[str, Any]:
        """Return the error as OpenAI's API has it."""
        usual = "server_error" if self.status >= 500 else "invalid_request_error"
        return {
            "error": {
                "message": str(self),
                "type": _KINDS.get(self.status, usual),
                "param": self.param,
                "code": self.code,
            }
        }

    def response(self) -> JSONResponse:
        """Return what is sent."""
        return JSONResponse(self.to_json(), self.status, self.headers)


def api_error(error: Exception) -> ApiError:
    """Return what a client is told of an error while its request was prepared or decoded."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, RequestError):
        return ApiError(400, str(error))
    if isinstance(error, OndeviceError):
        return ApiError(500, str(error))
    return ApiError(500, "the server failed; its output says more")
