"""The bundled model behind the server gives what it gives without."""

from __future__ import annotations

import asyncio

from lsprotocol import types

import ondevice
from tests.lsp.editor import editor

SOURCE = "def factorial(n):\n"


def test_edits_and_completion_are_the_models_own() -> None:
    async def use() -> None:
        async with editor(options={"completion": {"maxSeconds": 60}}) as user:
            uri = await user.open("# ondevice: write fizzbuzz\n")
            place = types.Range(types.Position(0, 3), types.Position(0, 3))
            (action,) = await user.actions(uri, place)
            assert (await user.run(action.command))["applied"] is True
            with ondevice.load() as model:
                result = model.edit("write fizzbuzz", source="")
                assert user.texts[uri] == result.text
                assert result.finish_reason == "complete"
            uri = await user.open(f"# write factorial(n)\n{SOURCE}", "file:///work/g.py")
            (offered,) = await user.inline(uri, 2, 0)
            compile(f"{SOURCE}{offered}\n", "g.py", "exec")
            assert "return" in offered or "result" in offered
            assert user.messages == []
            assert await user.quit() == 0

    asyncio.run(use())
