"""The example apps: short, and they run."""

from __future__ import annotations

import asyncio
import importlib.util
import itertools
import json
import threading
from collections.abc import AsyncGenerator
from pathlib import Path
from types import ModuleType

import pytest

import ondevice
from ondevice.backends.scripted import ScriptedBackend
from ondevice.events import Event, HunkApplied
from tests.test_model import MENDED, PROGRAM, SCRIPT

EXAMPLES = Path(__file__).parents[2] / "bench" / "examples"
LONGEST = 40


@pytest.fixture
def model() -> ondevice.Model:
    return ondevice.Model(ScriptedBackend([SCRIPT, MENDED]), name="scripted")


@pytest.fixture
def pane() -> ModuleType:
    pytest.importorskip("textual")
    spec = importlib.util.spec_from_file_location("pane", EXAMPLES / "pane.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def cell() -> str:
    notebook = json.loads((EXAMPLES / "live.ipynb").read_text(encoding="utf-8"))
    assert notebook["nbformat"] == 4
    (code,) = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return "".join(code["source"])


def test_they_are_short() -> None:
    for code in ((EXAMPLES / "pane.py").read_text(encoding="utf-8"), cell()):
        assert len(code.splitlines()) <= LONGEST


def test_the_pane_shows_the_buffer_as_it_grows(
    pane: ModuleType, model: ondevice.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    from textual.widgets import Input, TextArea

    seen: list[str] = []
    load_text = TextArea.load_text

    def show(area: TextArea, text: str) -> None:
        seen.append(text)
        load_text(area, text)

    async def use() -> str:
        app = pane.Pane(model, "")
        async with app.run_test() as pilot:
            monkeypatch.setattr(TextArea, "load_text", show)
            app.query_one(Input).focus()
            app.query_one(Input).value = "count"
            await pilot.press("enter")
            while app.workers:
                await pilot.pause(0.01)
            text: str = app.query_one(TextArea).text
            return text

    assert asyncio.run(use()) == PROGRAM + "print('x')\n"
    # What fails its check is shown, too, and taken back.
    assert seen == [PROGRAM, PROGRAM + "print(x)\n", PROGRAM, PROGRAM + "print('x')\n"]


def test_the_pane_stops_at_escape(pane: ModuleType) -> None:
    from textual.widgets import Input

    stopped = threading.Event()

    class Endless:
        async def astream(self, request: str, source: str) -> AsyncGenerator[Event, None]:
            try:
                for row in itertools.count():
                    yield HunkApplied(1, row, row, (), (f"{request} = {row}",))
                    await asyncio.sleep(0.001)
            finally:
                stopped.set()

    async def use() -> None:
        app = pane.Pane(Endless(), "")
        async with app.run_test() as pilot:
            app.query_one(Input).focus()
            app.query_one(Input).value = "x"
            await pilot.press("enter")
            await pilot.pause(0.05)
            assert not stopped.is_set()
            await pilot.press("escape")
            while not stopped.is_set():
                await pilot.pause(0.01)

    asyncio.run(use())


def test_the_cell_updates_its_output(
    model: ondevice.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("IPython")
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output

    monkeypatch.setattr(ondevice, "load", lambda: model)
    shell = InteractiveShell.instance()
    try:
        with capture_output() as captured:
            result = shell.run_cell(cell())
    finally:
        InteractiveShell.clear_instance()
    result.raise_error()
    assert result.result[0] == "complete"
    programs = [output.data["text/plain"] for output in captured.outputs]
    assert len(programs) > 3, "one display, and an update for every hunk"
    assert shell.user_ns["done"].text == PROGRAM + "print('x')\n"
