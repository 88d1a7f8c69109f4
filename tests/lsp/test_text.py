from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol.types import Position, Range

from ondevice.lsp.changes import text_edits
from ondevice.lsp.text import Text

CODECS = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}
PIECES = ["a", "é", "好", "😀", "\n", "\r\n", "\r", "\f", "\u2028", " "]
texts = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)


@pytest.mark.parametrize("encoding", CODECS)
def test_positions_count_code_units(encoding: str) -> None:
    text = Text("x\r\né😀b\rc\n", encoding)
    codec, width = CODECS[encoding]
    for offset in range(len(text.text) + 1):
        if text.text[offset - 1 : offset + 1] == "\r\n":
            continue
        position = text.position(offset)
        assert text.offset(position) == offset
        start = text.offset(Position(position.line, 0))
        assert position.character == len(text.text[start:offset].encode(codec)) // width
    assert text.position(2) == text.position(1), "within a line break"
    assert [text.position(offset).line for offset in range(10)] == [0, 0, 0, 1, 1, 1, 1, 2, 2, 3]


@pytest.mark.parametrize("encoding", CODECS)
def test_positions_that_are_none(encoding: str) -> None:
    text = Text("é😀\nb", encoding)
    assert text.offset(Position(0, 99)) == 2
    assert text.offset(Position(1, 99)) == 4
    assert text.offset(Position(7, 0)) == 4
    if encoding != "utf-32":
        inside = 1 + len("é".encode(CODECS[encoding][0])) // CODECS[encoding][1]
        assert text.offset(Position(0, inside)) == 1, "within a character"
    assert Text("", encoding).offset(Position(0, 5)) == 0
    assert text.offsets(Range(Position(1, 0), Position(0, 0))) == (0, 3)


@given(texts, texts, st.randoms(use_true_random=False), st.sampled_from(sorted(CODECS)))
def test_a_replaced_range_is_that_of_the_bytes(
    before: str, new: str, source: random.Random, encoding: str
) -> None:
    text = Text(before, encoding)
    start, end = sorted(source.randrange(len(before) + 1) for _ in range(2))
    if any(before[place - 1 : place + 1] == "\r\n" for place in (start, end)):
        return
    replaced = text.replaced(text.range(start, end), new)
    assert replaced.text == before[:start] + new + before[end:]
    assert replaced.encoding == encoding


@given(texts, texts, st.sampled_from(sorted(CODECS)))
def test_text_edits_make_the_new_text(before: str, after: str, encoding: str) -> None:
    text = Text(before, encoding)
    edits = text_edits(text, after)
    made = text
    for edit in reversed(edits):
        made = made.replaced(edit.range, edit.new_text)
    assert made.text == after


def test_text_edits_touch_changed_lines_alone() -> None:
    (edit,) = text_edits(Text("a\r\nb\r\nc"), "a\r\nx\r\nb\r\nc")
    assert (edit.range, edit.new_text) == (Range(Position(1, 0), Position(1, 0)), "x\r\n")
    assert text_edits(Text("a"), "a") == []
