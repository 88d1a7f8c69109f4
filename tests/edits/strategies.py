"""Texts that try every way in which lines, diffs and separators can be confused."""

from __future__ import annotations

from itertools import cycle

from hypothesis import settings
from hypothesis import strategies as st

from ondevice.edits import Buffer, ReaderEvent
from ondevice.edits.reader import Reader

few = settings(max_examples=120, deadline=None)

AWKWARD = [
    "",
    " ",
    "a",
    "b",
    "    return x",
    "+",
    "+a",
    "-",
    "-- a/file",
    "--- a/file",
    "++ b/file",
    "@@ -1 +1 @@",
    "@@",
    "\\",
    "\\ No newline at end of file",
    "<|diff|>",
    "x <|diff|>",
    "<|diff|><|diff|>",
    "form\x0cfeed",
    "para\u2029graph\u2028line",
    "next\x85line",
    "vertical\x0btab",
    "lone\rreturn",
    "\r",
    "\ufeff",
    "\t",
]

lines = st.sampled_from(AWKWARD) | st.text("ab+-@\\ \r<|\x0c\u2028", max_size=4)
plain_lines = st.lists(
    st.text(st.characters(exclude_characters="\n\r", codec="utf-8"), max_size=4)
    | st.sampled_from("abc"),
    max_size=14,
)


@st.composite
def texts(draw: st.DrawFn, pool: st.SearchStrategy[str] = lines) -> str:
    ends = draw(st.sampled_from([["\n"], ["\r\n"], ["\n", "\r\n"]]))
    text = "".join(line + draw(st.sampled_from(ends)) for line in draw(st.lists(pool, max_size=14)))
    if draw(st.booleans()):
        text = text.removesuffix("\n").removesuffix("\r")
    return text


@st.composite
def histories(draw: st.DrawFn) -> list[Buffer]:
    """Versions of one file, each as a buffer: they share their envelope, and many lines."""
    pool = st.sampled_from(draw(st.lists(lines, min_size=1, max_size=6)))
    versions = draw(st.lists(texts(pool), min_size=2, max_size=4))
    mark = draw(st.sampled_from(["", "\ufeff"]))
    buffers = [Buffer.from_text(mark + text) for text in versions]
    if len({(buffer.newline, buffer.bom) for buffer in buffers}) > 1:
        buffers = [
            Buffer.from_text("\ufeff" + text.removeprefix("\ufeff"), newline="\n")
            for text in versions
        ]
    return buffers


cuts = st.lists(st.integers(1, 9), min_size=1, max_size=6)


def pieces(text: str, sizes: list[int]) -> list[str]:
    parts: list[str] = []
    for size in cycle(sizes):
        if not text:
            return parts
        parts.append(text[:size])
        text = text[size:]
    raise AssertionError("unreachable")


def read(reader: Reader, parts: list[str]) -> list[ReaderEvent]:
    events = [event for part in parts for event in reader.feed(part)]
    return events + reader.close()
