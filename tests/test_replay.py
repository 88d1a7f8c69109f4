"""The program as events tell it, with what was there before."""

from __future__ import annotations

import pytest

import ondevice
from ondevice.backends.scripted import ScriptedBackend
from ondevice.events import Done

ADDED = "@@ -0,0 +1 @@\n+a = 1\n<|diff|>@@ -2,0 +3 @@\n+b = 2\n<|diff|>\n<|diff|>"


@pytest.mark.parametrize(
    "source", ["x = 0\n", "x = 0", "\ufeffx = 0\r\n", "x = 0\r\n\r\n", "a = 1"]
)
def test_it_ends_with_the_text_of_the_last_event(source: str) -> None:
    model = ondevice.Model(ScriptedBackend(ADDED), name="scripted")
    replay = ondevice.Replay(source)
    assert replay.text == source
    for event in model.stream("x", source=source, check="none"):
        replay.add(event)
    assert isinstance(event, Done)
    assert event.text != source
    assert replay.text == event.text


def test_what_is_not_finished_is_gone_at_the_end() -> None:
    model = ondevice.Model(ScriptedBackend(ADDED), name="scripted")
    replay = ondevice.Replay()
    for event in model.stream("x", max_tokens=25):
        replay.add(event)
    assert isinstance(event, Done)
    assert event.finish_reason == "length"
    assert replay.text == event.text


def test_a_withdrawn_edit_is_gone() -> None:
    scripts = [ADDED.replace("b = 2", "b = c"), ADDED]
    model = ondevice.Model(ScriptedBackend(scripts), name="scripted")
    replay = ondevice.Replay("x = 0\n")
    seen = []
    for event in model.stream("x", source="x = 0\n", retries=0):
        replay.add(event)
        seen.append(event.type)
    assert "edit_withdrawn" in seen
    assert isinstance(event, Done)
    assert replay.text == event.text
