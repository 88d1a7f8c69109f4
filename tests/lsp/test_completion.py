"""Completion, inline and plain, by a real client over stdio; the model is scripted."""

from __future__ import annotations

import asyncio
import copy
from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from tests.lsp.editor import CAPABILITIES, Editor, editor, scripted

SOURCE = "# add one\ndef f(a):\n"
BODY = "@@ -1,0 +2 @@\n+    return a + 1\n<|diff|>\n<|diff|>"
ABOVE = BODY.replace("-1,0 +2", "-0,0 +1").replace("    return a + 1", "import os")
PATIENT = {"completion": {"maxSeconds": 60}}  # a busy machine is not to decide
PLAIN: dict[str, Any] = copy.deepcopy(CAPABILITIES)
del PLAIN["textDocument"]["inlineCompletion"]


async def plain(user: Editor, uri: str, line: int, character: int) -> list[types.CompletionItem]:
    params = types.CompletionParams(
        types.TextDocumentIdentifier(uri), types.Position(line, character)
    )
    found = await user.client.text_document_completion_async(params)
    assert isinstance(found, types.CompletionList)
    return list(found.items)


def test_the_next_lines_are_offered_at_the_cursor() -> None:
    async def use() -> None:
        async with editor(scripted(BODY), options=PATIENT) as user:
            uri = await user.open(SOURCE + "\nprint(f(1))\n")
            assert await user.inline(uri, 2, 0) == ["    return a + 1"]
            # What is typed is gone on from, and nothing is offered within a line.
            user.change(uri, types.Range(types.Position(2, 0), types.Position(2, 0)), "    re")
            assert await user.inline(uri, 2, 6) == ["turn a + 1"]
            assert await user.inline(uri, 2, 3) == []
            assert await user.inline(uri, 0, 1) == []
            user.change(uri, types.Range(types.Position(2, 4), types.Position(2, 6)), "pass")
            assert await user.inline(uri, 2, 8) == [], "the model would not begin the line so"
            assert user.messages == []
            assert await user.quit() == 0

    asyncio.run(use())


def test_an_edit_elsewhere_is_taken_back() -> None:
    async def use() -> None:
        async with editor(scripted(ABOVE, BODY), options=PATIENT) as user:
            uri = await user.open(SOURCE)
            assert await user.inline(uri, 2, 0) == ["    return a + 1"]
            uri = await user.open("import os\r\n" + SOURCE.replace("\n", "\r\n"), "file:///g.py")
            assert await user.inline(uri, 3, 0) == [], "these rows are others"

    asyncio.run(use())


def test_line_ends_and_astral_characters() -> None:
    body = "@@ -2,0 +3,2 @@\n+    print('𝄞')\n+    return a\n<|diff|>\n<|diff|>"

    async def use() -> None:
        async with editor(scripted(body), encodings=["utf-8"], options=PATIENT) as user:
            text = f"x = '😀'\n{SOURCE}    print('".replace("\n", "\r\n")
            uri = await user.open(text)
            assert await user.inline(uri, 3, 11) == ["𝄞')\r\n    return a"]

    asyncio.run(use())


def test_plain_completion_stands_in_for_it() -> None:
    async def use() -> None:
        async with editor(scripted(BODY), capabilities=PLAIN, options=PATIENT) as user:
            uri = await user.open(SOURCE + "    re")
            (item,) = await plain(user, uri, 2, 6)
            assert item.label == item.filter_text == "return a + 1"
            assert isinstance(item.text_edit, types.TextEdit)
            assert item.text_edit.new_text == "return a + 1"
            assert item.text_edit.range == types.Range(types.Position(2, 4), types.Position(2, 6))
            with pytest.raises(JsonRpcException):
                await user.inline(uri, 2, 6)

    asyncio.run(use())


def test_it_can_be_switched_off() -> None:
    async def use() -> None:
        async with editor(scripted(BODY), options={"completion": {"mode": "off"}}) as user:
            uri = await user.open(SOURCE)
            for ask in (user.inline, lambda *place: plain(user, *place)):
                with pytest.raises(JsonRpcException) as error:
                    await ask(uri, 2, 0)
                assert error.value.code == types.ErrorCodes.MethodNotFound

    asyncio.run(use())


def test_the_limits() -> None:
    limits: dict[str, Any] = {"maxTokens": 5, "maxSeconds": 60}

    async def use() -> None:
        async with editor(scripted(BODY), options={"completion": limits}) as user:
            uri = await user.open(SOURCE)
            assert await user.inline(uri, 2, 0) == [], "not found within the tokens"
        limits.update(maxTokens=99, maxSeconds=0.5)
        async with editor(scripted(BODY, delay=0.2), options={"completion": limits}) as user:
            uri = await user.open(SOURCE)
            async with asyncio.timeout(5):
                assert await user.inline(uri, 2, 0) == [], "not found within the time"
            steps = user.steps
            await asyncio.sleep(0.7)
            assert user.steps <= steps + 2
            assert user.messages == []

    asyncio.run(use())


def test_what_is_outrun_is_cancelled() -> None:
    async def use() -> None:
        async with editor(scripted(BODY, delay=0.05), options=PATIENT) as user:
            uri = await user.open(SOURCE)
            first = asyncio.create_task(user.inline(uri, 2, 0))
            second = asyncio.create_task(user.inline(uri, 2, 0))
            with pytest.raises(JsonRpcException) as error:
                await first
            assert error.value.code == types.LSPErrorCodes.ContentModified
            assert await second == ["    return a + 1"]
            third = asyncio.create_task(user.inline(uri, 2, 0))
            await asyncio.sleep(0.1)
            user.change(uri, types.Range(types.Position(2, 0), types.Position(2, 0)), "    ")
            with pytest.raises(JsonRpcException) as error:
                await third
            assert error.value.code == types.LSPErrorCodes.ContentModified
            assert await user.inline(uri, 2, 4) == ["return a + 1"]
            assert user.messages == []

    asyncio.run(use())


def test_a_model_that_is_not_there_is_told_of_once() -> None:
    async def use() -> None:
        async with editor(options={"model": "no-such-model"}) as user:
            uri = await user.open(SOURCE)
            assert await user.inline(uri, 2, 0) == await user.inline(uri, 2, 0) == []
            assert len(user.messages) == 1

    asyncio.run(use())
