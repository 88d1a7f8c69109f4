"""Where pygls is not as strict as LSP 3.18: every request is answered, whatever is wrong with it,
documents are kept by ``Documents``, a command can be cancelled, and the exit code is told."""

from __future__ import annotations

import json
import logging
from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.exceptions import (
    JsonRpcException,
    JsonRpcInternalError,
    JsonRpcInvalidParams,
    JsonRpcInvalidRequest,
    JsonRpcMethodNotFound,
    JsonRpcParseError,
    JsonRpcServerNotInitialized,
)
from pygls.protocol import LanguageServerProtocol, lsp_method

from ondevice.lsp.documents import Documents

if TYPE_CHECKING:
    from pygls.lsp.server import LanguageServer


_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Malformed:
    """A message that is none, or whose parameters are none of its method."""

    id: Any
    error: JsonRpcException
    method: str = ""


class Protocol(LanguageServerProtocol):
    """``documents`` are those that are open; ``exit_code`` is 0 after a shutdown and an exit in
    this order, as the specification has it, and 1 otherwise."""

    def __init__(self, server: LanguageServer, converter: Any) -> None:
        super().__init__(server, converter)
        self.documents = Documents()
        self.exit_code = 1
        self._initialized = False

    def structure_message(self, data: dict[str, Any]) -> Any:
        """Return the message that a JSON object is, or what is wrong with it; other objects as they
        are."""
        if "jsonrpc" not in data:
            return data
        try:
            return super().structure_message(data)
        except JsonRpcException:
            method, id = data.get("method"), data.get("id")
            if not isinstance(method, str):
                return _Malformed(id, JsonRpcInvalidRequest("the message has no method"))
            if self.get_message_type(method) is None:
                return _Malformed(id, JsonRpcMethodNotFound.of(method), method)
            error = JsonRpcInvalidParams(f"these are no parameters of {method}")
            return _Malformed(id, error, method)

    def handle_message(self, message: Any) -> None:
        """Handle a message, or refuse it with the reason."""
        if isinstance(message, dict | list | str | int | float | None):
            message = _Malformed(None, JsonRpcInvalidRequest("this is no JSON-RPC 2.0 message"))
        if isinstance(message, _Malformed):
            if message.method and message.id is None:  # of a notification, nobody awaits an answer
                _log.warning("%s: %s", message.method, message.error)
            else:
                self._refuse(message.id, message.error)
        elif error := self._too_early_or_late(message):
            self._refuse(message.id, error)
        else:
            super().handle_message(message)

    def refuse_text(self, error: Exception) -> bool:
        """Answer what could not be read as JSON; return whether ``error`` says that."""
        if not isinstance(error, json.JSONDecodeError | UnicodeDecodeError | RecursionError):
            return False
        self._refuse(None, JsonRpcParseError(f"the message is no JSON: {error}"))
        return True

    def _too_early_or_late(self, message: Any) -> JsonRpcException | None:
        method, is_request = getattr(message, "method", None), hasattr(message, "id")
        if method is None or not is_request:
            return None
        if self._shutdown:
            return JsonRpcInvalidRequest("the server is shutting down")
        if method == types.INITIALIZE:
            if self._initialized:
                return JsonRpcInvalidRequest("the server is initialized already")
            self._initialized = True
        elif not self._initialized:
            return JsonRpcServerNotInitialized("send initialize first")
        return None

    def _refuse(self, id: Any, error: JsonRpcException) -> None:
        named = id if isinstance(id, str | int) else None
        self._send_data(types.ResponseErrorMessage(id=named, error=error.to_response_error()))

    def _send_response(
        self,
        msg_id: Any,
        result: Any | None = None,
        error: types.ResponseError | None = None,
    ) -> None:
        if error is not None and error.code == JsonRpcInternalError.CODE:
            error = types.ResponseError(error.code, error.message)  # less the traceback
        super()._send_response(msg_id, result, error)

    @lsp_method(types.INITIALIZE)
    def lsp_initialize(
        self, params: types.InitializeParams
    ) -> Generator[Any, Any, types.InitializeResult]:
        """Initialize, and agree on what positions count."""
        result: types.InitializeResult = yield from super().lsp_initialize(params)
        encoding = result.capabilities.position_encoding
        self.documents.encoding = str(getattr(encoding, "value", encoding))
        return result

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(
        self, params: types.DidOpenTextDocumentParams
    ) -> Generator[Any, Any, None]:
        """Take up a document."""
        self.documents.open(params.text_document)
        yield from self._passed_on(types.TEXT_DOCUMENT_DID_OPEN, params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(
        self, params: types.DidChangeTextDocumentParams
    ) -> Generator[Any, Any, None]:
        """Change a document."""
        self.documents.change(params.text_document, params.content_changes)
        yield from self._passed_on(types.TEXT_DOCUMENT_DID_CHANGE, params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(
        self, params: types.DidCloseTextDocumentParams
    ) -> Generator[Any, Any, None]:
        """Forget a document."""
        self.documents.close(params.text_document.uri)
        yield from self._passed_on(types.TEXT_DOCUMENT_DID_CLOSE, params)

    @lsp_method(types.WORKSPACE_EXECUTE_COMMAND)
    async def lsp_workspace__execute_command(  # type: ignore[override]
        self, params: types.ExecuteCommandParams
    ) -> Any:
        """Run a command, in the task that a cancellation of the request cancels."""
        handler = self.fm.commands.get(params.command)
        if handler is None:
            raise JsonRpcInvalidParams(f"there is no command {params.command!r}")
        return await handler(params)

    @lsp_method(types.EXIT)
    def lsp_exit(self, *args: Any) -> Generator[Any, Any, None]:
        """Stop the process."""
        self.exit_code = 0 if self._shutdown else 1
        yield from super().lsp_exit(*args)

    def _passed_on(self, method: str, params: Any) -> Generator[Any, Any, None]:
        if handler := self.fm.features.get(method):
            yield handler, (params,), None
