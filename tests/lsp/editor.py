"""An editor for tests: pygls' own client, with documents that it keeps as UTF-16 does."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Union

from lsprotocol import types
from pygls.lsp.client import LanguageClient
from pygls.protocol import default_converter

ROOT = Path(__file__).parents[2]
BUNDLED = [sys.executable, "-m", "ondevice.cli", "lsp"]
CODECS = {"utf-8": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}
WIDTHS = {"utf-8": 1, "utf-16": 2, "utf-32": 4}
CAPABILITIES: dict[str, Any] = {
    "workspace": {"applyEdit": True, "workspaceEdit": {"documentChanges": True}},
    "window": {"workDoneProgress": True},
    "textDocument": {
        "codeAction": {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": [""]}}},
        "inlineCompletion": {},
    },
}


def scripted(*scripts: str, delay: float = 0.0) -> list[str]:
    """Return the command of a server whose model writes what it is told."""
    return [sys.executable, "-m", "tests.lsp.scripted", json.dumps(scripts), str(delay)]


def make_converter() -> Any:
    """Return pygls' converter, which takes every action with a command for a bare command."""
    converter = default_converter()

    def action(value: Any, _: Any) -> types.Command | types.CodeAction:
        bare = isinstance(value["command"], str)
        return converter.structure(value, types.Command if bare else types.CodeAction)

    converter.register_structure_hook(Union[types.Command, types.CodeAction], action)  # noqa: UP007
    return converter


class Editor:
    """What a client holds: texts by URI, messages that were shown, progress, edits refused."""

    def __init__(self) -> None:
        self.client = LanguageClient("editor", "1", converter_factory=make_converter)
        self.texts: dict[str, str] = {}
        self.versions: dict[str, int] = {}
        self.encoding = "utf-16"
        self.messages: list[types.ShowMessageParams] = []
        self.progress: list[Any] = []
        self.tokens: list[types.ProgressToken] = []
        self.steps = 0
        self.log = ""
        self.applying = True
        self.client.feature(types.WINDOW_SHOW_MESSAGE)(self._shown())
        self.client.feature(types.PROGRESS)(self._progressed())
        self.client.feature(types.WINDOW_WORK_DONE_PROGRESS_CREATE)(self._created())
        self.client.feature(types.WORKSPACE_APPLY_EDIT)(self._applies())

    @property
    def shown(self) -> str:
        """All messages, in order."""
        return "\n".join(message.message for message in self.messages)

    async def open(
        self, text: str, uri: str = "file:///work/f.py", language: str = "python"
    ) -> str:
        self.texts[uri], self.versions[uri] = text, 1
        item = types.TextDocumentItem(uri, language, 1, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        return uri

    def change(self, uri: str, range: types.Range | None, text: str) -> None:
        self.versions[uri] += 1
        change: types.TextDocumentContentChangeEvent
        if range is None:
            self.texts[uri] = text
            change = types.TextDocumentContentChangeWholeDocument(text)
        else:
            self._replace(uri, types.TextEdit(range, text))
            change = types.TextDocumentContentChangePartial(range, text)
        identifier = types.VersionedTextDocumentIdentifier(self.versions[uri], uri)
        self.client.text_document_did_change(
            types.DidChangeTextDocumentParams(identifier, [change])
        )

    async def actions(self, uri: str, range: types.Range, **context: Any) -> list[Any]:
        params = types.CodeActionParams(
            types.TextDocumentIdentifier(uri), range, types.CodeActionContext([], **context)
        )
        return list(await self.client.text_document_code_action_async(params) or [])

    async def run(self, command: types.Command, token: str | None = None) -> Any:
        params = types.ExecuteCommandParams(command.command, command.arguments, token)
        return await self.client.workspace_execute_command_async(params)

    async def edit(self, uri: str, request: str, **more: Any) -> Any:
        order = {"uri": uri, "request": request, **more}
        return await self.run(types.Command("", "ondevice.edit", arguments=[order]))

    async def inline(self, uri: str, line: int, character: int) -> list[str]:
        params = types.InlineCompletionParams(
            types.InlineCompletionContext(types.InlineCompletionTriggerKind.Automatic),
            types.TextDocumentIdentifier(uri),
            types.Position(line, character),
        )
        found = await self.client.text_document_inline_completion_async(params)
        assert isinstance(found, types.InlineCompletionList)
        return [str(item.insert_text) for item in found.items]

    async def quit(self) -> int | None:
        """Shut down and exit, as the specification has it; return the exit code."""
        await self.client.shutdown_async(None)
        self.client.exit(None)
        process = self.client._server
        assert process is not None
        return await asyncio.wait_for(process.wait(), 20)

    def _replace(self, uri: str, edit: types.TextEdit) -> None:
        """Replace a range, counting in code units of the encoding."""
        codec, width = CODECS[self.encoding], WIDTHS[self.encoding]
        lines = self.texts[uri].split("\n")

        def offset(position: types.Position) -> int:
            before = "".join(f"{line}\n" for line in lines[: position.line])
            return len(before.encode(codec)) + width * position.character

        content = self.texts[uri].encode(codec)
        start, end = offset(edit.range.start), offset(edit.range.end)
        changed = content[:start] + edit.new_text.encode(codec) + content[end:]
        self.texts[uri] = changed.decode(codec)

    def _applies(self) -> Any:
        def apply(params: types.ApplyWorkspaceEditParams) -> types.ApplyWorkspaceEditResult:
            (change,) = params.edit.document_changes or []
            assert isinstance(change, types.TextDocumentEdit)
            uri = change.text_document.uri
            if not self.applying or change.text_document.version != self.versions[uri]:
                return types.ApplyWorkspaceEditResult(False, failure_reason="not now")
            for edit in reversed(change.edits):
                assert isinstance(edit, types.TextEdit)
                self._replace(uri, edit)
            self.change(uri, None, self.texts[uri])
            return types.ApplyWorkspaceEditResult(True)

        return apply

    def _shown(self) -> Any:
        def shown(params: types.ShowMessageParams) -> None:
            self.messages.append(params)

        return shown

    def _progressed(self) -> Any:
        def progressed(params: types.ProgressParams) -> None:
            self.progress.append(params.value)

        return progressed

    def _created(self) -> Any:
        def created(params: types.WorkDoneProgressCreateParams) -> None:
            self.tokens.append(params.token)

        return created


@contextlib.asynccontextmanager
async def editor(
    command: Sequence[str] = BUNDLED,
    *,
    options: Any = None,
    encodings: Sequence[str] | None = None,
    capabilities: dict[str, Any] = CAPABILITIES,
) -> AsyncIterator[Editor]:
    """Start a server and initialize it; end it by force if the test has not."""
    user = Editor()
    await user.client.start_io(*command, cwd=ROOT)
    process = user.client._server
    assert process is not None
    assert process.stderr is not None
    errors = process.stderr

    async def listen() -> None:
        while line := await errors.readline():
            user.steps += line == b"step\n"
            user.log += line.decode() if line != b"step\n" else ""

    listening = asyncio.create_task(listen())
    try:
        general = {"general": {"positionEncodings": encodings}} if encodings else {}
        params = user.client.protocol._converter.structure(
            {
                "processId": None,
                "rootUri": None,
                "capabilities": {**capabilities, **general},
                "initializationOptions": options,
            },
            types.InitializeParams,
        )
        result = await user.client.initialize_async(params)
        encoding = result.capabilities.position_encoding
        user.encoding = str(getattr(encoding, "value", encoding))
        user.client.initialized(types.InitializedParams())
        yield user
        assert "Traceback" not in user.log, user.log
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await listening
        await user.client.stop()
