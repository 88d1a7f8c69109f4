"""The server: its features, what it holds, and its life on stdin and stdout."""

from __future__ import annotations

import logging
import os
import signal
import sys
from typing import Any

from lsprotocol import types
from pygls.exceptions import FeatureRequestError, JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer

import ondevice
from ondevice.errors import RequestError
from ondevice.lsp import completing, editing
from ondevice.lsp.documents import Document, Documents
from ondevice.lsp.protocol import Protocol
from ondevice.lsp.settings import Settings
from ondevice.lsp.work import Jobs, Worker
from ondevice.model import Model


class Server(LanguageServer):
    """A language server that edits and continues programs."""

    protocol: Protocol

    def __init__(self, settings: Settings) -> None:
        super().__init__("ondevice", ondevice.__version__, protocol_cls=Protocol)
        self.settings = settings
        self.jobs = Jobs()
        self.worker = Worker(self._load)
        self.log = logging.getLogger("ondevice.lsp")
        self._said: set[str] = set()
        self.feature(types.INITIALIZE)(_initialize)
        self.feature(types.TEXT_DOCUMENT_DID_CHANGE)(_changed)
        self.feature(types.TEXT_DOCUMENT_DID_CLOSE)(_closed)
        options = types.CodeActionOptions(code_action_kinds=[editing.KIND])
        self.feature(types.TEXT_DOCUMENT_CODE_ACTION, options)(editing.code_actions)
        self.command(editing.COMMAND)(editing.edit)

    @property
    def documents(self) -> Documents:
        """The documents that are open."""
        return self.protocol.documents

    def document(self, uri: str) -> Document:
        """Return an open document; raises ``JsonRpcInvalidParams`` for another."""
        try:
            return self.documents.get(uri)
        except RequestError as error:
            raise JsonRpcInvalidParams(str(error)) from None

    def say(self, type: types.MessageType, message: str) -> None:
        """Show the user a message."""
        self.log.info("%s: %s", type.name.lower(), message)
        params = types.ShowMessageParams(type, f"ondevice: {message}")
        self.window_show_message(params)

    def say_once(self, type: types.MessageType, message: str) -> None:
        """Show the user a message that would else come again with every key."""
        if message not in self._said:
            self._said.add(message)
            self.say(type, message)

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Tell of an error that no response tells of."""
        if source is FeatureRequestError or self.protocol.refuse_text(error):
            return
        self.say(types.MessageType.Error, str(error))

    def run(self) -> int:
        """Serve stdin and stdout until the client ends it; return the exit code.

        What else is written to stdout goes to stderr from now on.
        """
        # The loop waits for stdin in a thread that cannot be interrupted.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as stdout:
            sys.stdout.flush()
            os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
            self.start_io(stdout=stdout)
        self.worker.close()
        return self.protocol.exit_code

    def _load(self) -> Model:
        model = ondevice.load(self.settings.model, backend=self.settings.backend)
        self.log.info("loaded %s (%s)", model.name, model.backend_name)
        return model


def _initialize(ls: Server, params: types.InitializeParams) -> None:
    ls.settings, wrong = ls.settings.updated(params.initialization_options)
    for complaint in wrong:
        ls.say(types.MessageType.Warning, complaint)
    mode = ls.settings.completion.mode
    document = params.capabilities.text_document
    if mode == "auto":
        mode = "inline" if document and document.inline_completion else "plain"
    if mode == "inline":
        inline = types.InlineCompletionOptions()
        ls.feature(types.TEXT_DOCUMENT_INLINE_COMPLETION, inline)(completing.inline_completion)
    elif mode == "plain":
        ls.feature(types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions())(completing.completion)


def _changed(ls: Server, params: types.DidChangeTextDocumentParams) -> None:
    ls.jobs.outrun(params.text_document.uri, "was changed")


def _closed(ls: Server, params: types.DidCloseTextDocumentParams) -> None:
    ls.jobs.outrun(params.text_document.uri, "was closed")
