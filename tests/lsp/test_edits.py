"""The code action and its command, by a real client over stdio; the model is scripted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from ondevice import Model
from ondevice.backends.scripted import ScriptedBackend
from tests.lsp.editor import CAPABILITIES, Editor, editor, scripted

SOURCE = "def f(a):\n    return a\n"
CHANGED = "def f(a):\n    a += 1\n    return a\n"
RIGHT = "@@ -1,0 +2 @@\n+    a += 1\n<|diff|>\n<|diff|>"
WRONG = RIGHT.replace("a += 1", "a += b")
REQUEST = "# ondevice: add one\n"

Shared = Callable[[Callable[[Editor], Coroutine[Any, Any, None]]], None]


@pytest.fixture(scope="module")
def shared() -> Iterator[Shared]:
    """Run what uses an editor, whose server writes what is right, and has been used before."""
    with asyncio.Runner() as runner:
        session = editor(scripted(RIGHT))
        user = runner.run(session.__aenter__())

        def run(use: Callable[[Editor], Coroutine[Any, Any, None]]) -> None:
            user.messages.clear()
            user.applying = True
            runner.run(use(user))

        yield run
        assert runner.run(user.quit()) == 0
        runner.run(session.__aexit__(None, None, None))


def lines(first: int, last: int) -> types.Range:
    return types.Range(types.Position(first, 0), types.Position(last, 0))


def test_the_action_gives_what_the_model_gives(shared: Shared) -> None:
    async def use(user: Editor) -> None:
        uri = await user.open(REQUEST + SOURCE)
        (action,) = await user.actions(uri, lines(0, 0))
        assert action.title == "Edit with ondevice: add one"
        assert action.kind == "refactor.rewrite.ondevice"
        result = await user.run(action.command)
        assert result["applied"] is True
        with Model(ScriptedBackend(RIGHT), name="scripted") as model:
            assert user.texts[uri] == model.edit("add one", source=SOURCE).text == CHANGED
        assert user.messages == []

    shared(use)


def test_where_there_are_actions(shared: Shared) -> None:
    async def use(user: Editor) -> None:
        uri = await user.open(f"{REQUEST}{SOURCE}x = f(1)  # ondevice: another\n")
        assert await user.actions(uri, lines(1, 2)) == []
        assert len(await user.actions(uri, lines(3, 3))) == 1
        both = await user.actions(uri, lines(0, 4))
        assert [action.title for action in both] == [
            "Edit the selection with ondevice: add one",
            "Edit the selection with ondevice: another",
        ]
        for only, count in [
            (["refactor"], 2),
            (["refactor.rewrite"], 2),
            (["refactor.re"], 0),
            (["quickfix"], 0),
            ([], 0),
            ([""], 2),
        ]:
            assert len(await user.actions(uri, lines(0, 4), only=only)) == count, only

    shared(use)


def test_a_selection_is_a_program_of_its_own() -> None:
    text = (
        f"import os\n\n\nclass C:\n    # ondevice: add\n    def f(a):\n        return a\n\n{SOURCE}"
    )

    async def use() -> None:
        async with editor(scripted(RIGHT.replace("a += 1", "a += len(os.sep)"))) as user:
            uri = await user.open(text)
            (action,) = await user.actions(uri, lines(4, 7))
            await user.run(action.command)
            assert user.shown == ""
            assert user.texts[uri] == (
                "import os\n\n\nclass C:\n    def f(a):\n        a += len(os.sep)\n"
                f"        return a\n\n{SOURCE}"
            )

    asyncio.run(use())


def test_a_client_that_asks_itself(shared: Shared) -> None:
    async def use(user: Editor) -> None:
        uri = await user.open("x = 1\n" + SOURCE)
        selected = {
            "start": {"line": 1, "character": 4},
            "end": {"line": 2, "character": 3},
        }
        result = await user.edit(uri, "add one", range=selected)
        assert result["applied"] is True
        assert user.texts[uri] == "x = 1\n" + CHANGED

    shared(use)


@pytest.mark.parametrize(
    ("encoding", "newline"), [("utf-8", "\r\n"), ("utf-16", "\r\n"), ("utf-32", "\n")]
)
def test_positions_and_line_ends(encoding: str, newline: str) -> None:
    async def use() -> None:
        async with editor(scripted(RIGHT), encodings=[encoding, "utf-16"]) as user:
            assert user.encoding == encoding
            text = (f"{REQUEST}{SOURCE}s = '😀é'  # ondevice: more").replace("\n", newline)
            uri = await user.open(text)
            (_, action) = await user.actions(uri, lines(0, 9))
            # Type between the astral character and the one after it, and delete that one.
            column = {"utf-8": 9, "utf-16": 7, "utf-32": 6}[encoding]
            width = 2 if encoding == "utf-8" else 1
            place = types.Range(types.Position(3, column), types.Position(3, column + width))
            user.change(uri, place, "\f𝄞\u2028")
            assert "'😀\f𝄞\u2028'" in user.texts[uri]
            (stale,) = [await user.run(action.command)]
            assert stale is None
            assert "changed since" in user.shown
            (action,) = await user.actions(uri, lines(0, 0))
            await user.run(action.command)
            end = "s = '😀\f𝄞\u2028'  # ondevice: more"
            assert user.texts[uri] == CHANGED.replace("\n", newline) + end

    asyncio.run(use())


def test_what_fails_its_check_is_not_applied() -> None:
    async def use() -> None:
        async with editor(scripted(WRONG), options={"retries": 0}) as user:
            uri = await user.open(SOURCE)
            assert await user.edit(uri, "add b") is None
            assert user.texts[uri] == SOURCE
            (message,) = user.messages
            assert message.type == types.MessageType.Warning
            assert "undefined name 'b'" in message.message

    asyncio.run(use())


def test_what_was_wrong_before_is_not_held_against_an_edit(shared: Shared) -> None:
    async def use(user: Editor) -> None:
        uri = await user.open(SOURCE + "f(unknown)\n")
        assert (await user.edit(uri, "add one"))["applied"] is True

    shared(use)


def test_other_languages_are_not_checked_as_python() -> None:
    async def use() -> None:
        async with editor(scripted(WRONG)) as user:
            uri = await user.open(SOURCE, "file:///work/f.txt", "plaintext")
            assert (await user.edit(uri, "add b"))["applied"] is True

    asyncio.run(use())


def test_a_document_that_changes_meanwhile_is_left_alone() -> None:
    async def use() -> None:
        async with editor(scripted(RIGHT, delay=0.05)) as user:
            uri, other = await user.open(SOURCE), await user.open(SOURCE, "file:///work/g.py")
            running = asyncio.create_task(user.edit(uri, "add one"))
            beside = asyncio.create_task(user.edit(other, "add one"))
            await decoding(user)
            user.change(uri, lines(0, 0), "\n")
            assert await running is None
            assert "f.py was changed; nothing was applied" in user.shown
            assert user.texts[uri] == "\n" + SOURCE
            assert (await beside)["applied"] is True
            assert user.texts[other] == CHANGED

    asyncio.run(use())


def test_cancelling_ends_it_within_a_step() -> None:
    async def use() -> None:
        async with editor(scripted(RIGHT, delay=0.2)) as user:
            for way in ("request", "token", "progress"):
                await cancelled(user, way)
            assert await user.quit() == 0

    asyncio.run(use())


async def cancelled(user: Editor, way: str) -> None:
    """Begin an edit, cancel it, and see that it ends."""
    user.steps = 0
    uri = await user.open(SOURCE)
    params = types.ExecuteCommandParams(
        "ondevice.edit", [{"uri": uri, "request": "add one"}], "mine" if way == "token" else None
    )
    running = user.client.protocol.send_request_async(
        types.WORKSPACE_EXECUTE_COMMAND, params, msg_id=way
    )
    await decoding(user)
    if way == "request":
        user.client.cancel_request(types.CancelParams(way))
    else:
        token = "mine" if way == "token" else user.tokens[-1]
        user.client.window_work_done_progress_cancel(types.WorkDoneProgressCancelParams(token))
    with pytest.raises(JsonRpcException) as error:
        await asyncio.wait_for(running, 5)
    assert error.value.code == types.LSPErrorCodes.RequestCancelled
    steps = user.steps
    await asyncio.sleep(0.7)
    assert user.steps <= steps + 2, "the step under way, and one whose line was on its way"
    assert user.progress[-1]["kind"] == "end"
    assert user.texts[uri] == SOURCE


async def decoding(user: Editor) -> None:
    """Wait until the prompt is evaluated and the model writes."""
    async with asyncio.timeout(20):
        while user.steps < 3:
            await asyncio.sleep(0.01)


def test_progress_is_shown() -> None:
    async def use() -> None:
        async with editor(scripted(RIGHT, delay=0.03)) as user:
            uri = await user.open(SOURCE)
            await user.edit(uri, "add one")
            kinds = [value["kind"] for value in user.progress]
            assert kinds[0] == "begin"
            assert kinds[-1] == "end"
            assert user.progress[0]["title"] == "ondevice: f.py"
            assert user.progress[0]["cancellable"] is True
            assert "edit 1" in [value.get("message") for value in user.progress]

    asyncio.run(use())


def test_a_client_that_can_do_little() -> None:
    async def use() -> None:
        async with editor(scripted(RIGHT), capabilities={}) as user:
            uri = await user.open(REQUEST + SOURCE)
            (command,) = await user.actions(uri, lines(0, 0))
            assert isinstance(command, types.Command)
            result = await user.run(command)
            assert result["applied"] is False
            (edits,) = result["edit"]["changes"].values()
            assert edits
            assert user.tokens == user.progress == []

    asyncio.run(use())


def test_an_edit_that_the_editor_refuses(shared: Shared) -> None:
    async def use(user: Editor) -> None:
        uri = await user.open(SOURCE)
        user.applying = False
        assert (await user.edit(uri, "add one"))["applied"] is False
        assert "did not apply the edit: not now" in user.shown

    shared(use)


def test_a_model_that_is_not_there() -> None:
    capabilities = {**CAPABILITIES, "window": {}}

    async def use() -> None:
        options = {"model": "no-such-model"}
        async with editor(options=options, capabilities=capabilities) as user:
            uri = await user.open(SOURCE)
            assert await user.edit(uri, "add one") is None
            assert await user.edit(uri, "add one") is None
            assert len(user.messages) == 2
            assert "no-such-model" in user.messages[0].message
            assert user.messages[0].type == types.MessageType.Error

    asyncio.run(use())
