"""Completion: the lines that come next at the cursor, inline or as an item of a list."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Generator
from typing import TYPE_CHECKING

from lsprotocol import types
from pygls.exceptions import JsonRpcContentModified

from ondevice.checks import resolve_checks
from ondevice.edits import LINTSEQ
from ondevice.errors import PromptTooLongError
from ondevice.events import Done, EditAccepted, Event
from ondevice.lsp.continuing import Continuation, Place, question
from ondevice.lsp.documents import Document
from ondevice.lsp.judging import DocumentCheck
from ondevice.lsp.settings import Settings
from ondevice.lsp.text import shortened
from ondevice.lsp.work import FAILURES, Events
from ondevice.model import Model

if TYPE_CHECKING:
    from ondevice.lsp.server import Server

_CHARACTERS_PER_TOKEN = 3
"""Of programs, at least about so many; where it is fewer, the text is made shorter again."""
_LABEL_LENGTH = 50


async def inline_completion(
    ls: Server, params: types.InlineCompletionParams
) -> types.InlineCompletionList:
    """Offer what comes next as text at the cursor."""
    document = ls.document(params.text_document.uri)
    offered = await _offer(ls, document, params.position)
    here = types.Range(params.position, params.position)
    return types.InlineCompletionList(
        [types.InlineCompletionItem(offered, range=here)] if offered else []
    )


async def completion(ls: Server, params: types.CompletionParams) -> types.CompletionList:
    """Offer what comes next as an item, which stands for what is typed of its line already."""
    document = ls.document(params.text_document.uri)
    offered = await _offer(ls, document, params.position)
    items = [_item(document, params.position, offered)] if offered else []
    return types.CompletionList(is_incomplete=True, items=items)


def _item(document: Document, position: types.Position, offered: str) -> types.CompletionItem:
    content = document.content
    offset = content.offset(position)
    start = content.text.rfind("\n", 0, offset) + 1
    typed = content.text[start:offset].lstrip(" \t")
    whole = (typed + offered).lstrip()
    first = whole.split("\n", 1)[0].strip()
    return types.CompletionItem(
        shortened(first, _LABEL_LENGTH),
        kind=types.CompletionItemKind.Snippet,
        detail="ondevice",
        documentation=whole,
        filter_text=first,
        insert_text_mode=types.InsertTextMode.AsIs,
        text_edit=types.TextEdit(content.range(offset - len(typed), offset), typed + offered),
    )


async def _offer(ls: Server, document: Document, position: types.Position) -> str:
    """Return what comes at a position, empty where nothing is found in time.

    Raises ``JsonRpcContentModified`` when the document changes, or another place is asked for.
    """
    ls.jobs.outrun(document.uri, "is asked for anew", "completion")
    place = Place.at(document.content.text, document.content.offset(position))
    if place is None:
        return ""
    started = time.perf_counter()
    with ls.jobs.running(document.uri, "completion") as job:
        try:
            async with asyncio.timeout(ls.settings.completion.max_seconds):
                offered = await _continued(ls, document, place)
        except TimeoutError:
            offered = ""
        except FAILURES as error:
            ls.say_once(types.MessageType.Error, str(error))
            return ""
        except asyncio.CancelledError:
            if not job.outrun:
                raise
            raise JsonRpcContentModified(f"{document.name} {job.outrun}") from None
    seconds = time.perf_counter() - started
    ls.log.info("completion: %d characters in %.3f s", len(offered), seconds)
    return offered.replace("\r\n", "\n").replace("\n", document.newline)


async def _continued(ls: Server, document: Document, place: Place) -> str:
    model = await ls.worker.model()
    attempt = Attempt(ls.settings, document, model, place)
    await ls.worker.follow(attempt.stream)
    return attempt.found


class Attempt:
    """The stream that continues a place, and what it ``found``."""

    def __init__(self, settings: Settings, document: Document, model: Model, place: Place) -> None:
        self.found = ""
        self._lacks_room = False
        self._settings = settings
        self._document = document
        self._model = model
        asked, place = question(
            place, settings.completion.prompt, lintseq=model.dialect == LINTSEQ.name
        )
        self._asked, self._place = asked, place.last(model.context_length * _CHARACTERS_PER_TOKEN)

    def stream(self) -> Generator[Event, None, None]:
        """Yield events until an edit is accepted.

        Of the text so much is given as fits the model's context and leaves room for the edit.
        """
        while True:
            try:
                yield from self._try()
            except PromptTooLongError:
                if not self._place.above:
                    raise
            else:
                if not self._lacks_room or not self._place.above:
                    return
            self._place = self._place.last(len(self._place.above) // 2)

    def _try(self) -> Generator[Event, None, None]:
        continuation = Continuation(self._place)
        events: Events = self._model.stream(
            self._asked,
            source=self._place.above,
            path=self._document.name,
            check=[continuation, self._check()],
            max_tokens=self._settings.completion.max_tokens,
            max_seconds=self._settings.completion.max_seconds,
            retries=self._settings.completion.retries,
            depth=0,
        )
        self._lacks_room = False
        with contextlib.closing(events):
            for event in events:
                yield event
                if isinstance(event, EditAccepted):
                    if not event.findings:
                        self.found = continuation.offered
                    return
                self._lacks_room = isinstance(event, Done) and event.finish_reason == "context"

    def _check(self) -> DocumentCheck:
        python = self._document.language == "python"
        checks = resolve_checks(self._settings.check if python else "none")
        return DocumentCheck(checks, self._place.above, begun=True)
