"""What the reader says, as the text arrives, and how it refuses."""

from __future__ import annotations

from functools import partial

import pytest

from ondevice.edits import (
    LINTSEQ,
    UNIFIED,
    Buffer,
    Dialect,
    Edit,
    EditRead,
    Hunk,
    HunkRead,
    HunkStarted,
    Line,
    LineRead,
    SequenceEnded,
)
from ondevice.errors import DiffSyntaxError, EditError, HunkError

from .strategies import read

FILE = "--- a/f\n+++ b/f\n"


def test_every_event_of_a_sequence_in_order() -> None:
    buffer = Buffer()
    reader = LINTSEQ.reader(buffer)
    first = Hunk(0, (Line("+", "a"), Line("+", "c")))
    second = Hunk(1, (Line("+", "b"),))

    assert reader.feed("@@ -0,0 +1,2 @") == []
    assert reader.feed("@\n+a\n+") == [HunkStarted(0, 0, 2), LineRead("+", "a", 0)]
    assert reader.feed("c") == []
    assert reader.feed("\n") == [LineRead("+", "c", 1)]
    assert reader.feed("<") == [HunkRead(first, 0)]
    assert reader.feed("|diff|>") == [EditRead(Edit((first,)), 1)]
    assert buffer.text == "a\nc\n"
    assert reader.feed("@@ -1,0 +2 @@\n+b\n<|diff|>") == [
        HunkStarted(1, 0, 1),
        LineRead("+", "b", 1),
        HunkRead(second, 1),
        EditRead(Edit((second,)), 2),
    ]
    assert reader.feed("\n<|diff|>") == [SequenceEnded()]
    assert reader.close() == []
    assert buffer.text == "a\nb\nc\n"


def test_rows_follow_the_lines_of_earlier_hunks() -> None:
    buffer = Buffer.from_text("a\nb\nc\nd\n")
    reader = LINTSEQ.reader(buffer)
    events = reader.feed("@@ -1,2 +0,0 @@\n-a\n-b\n@@ -3 +1,2 @@\n-c\n+x\n+y\n@@ -4,0 +4 @@\n+z")
    assert [event for event in events if isinstance(event, LineRead)] == [
        LineRead("-", "a", 0),
        LineRead("-", "b", 0),
        LineRead("-", "c", 0),
        LineRead("+", "x", 0),
        LineRead("+", "y", 1),
    ]
    last = Hunk(4, (Line("+", "z"),))
    assert reader.close()[:2] == [LineRead("+", "z", 3), HunkRead(last, 3)]
    assert buffer.text == "x\ny\nd\nz\n"


@pytest.mark.parametrize("end", ["\n<|diff|>", "<|diff|>"])
def test_an_empty_edit_ends_the_sequence(end: str) -> None:
    reader = LINTSEQ.reader(Buffer())
    assert reader.feed(end) == [SequenceEnded()]
    with pytest.raises(DiffSyntaxError, match="after the end of the sequence"):
        reader.feed("x")


def test_text_that_stops_between_edits_is_complete() -> None:
    reader = LINTSEQ.reader(Buffer())
    reader.feed("@@ -0,0 +1 @@\n+a\n<|diff|>\n")
    assert reader.close() == []
    assert reader.buffer.text == "a\n"


def test_a_separator_counts_only_at_the_start_of_a_line() -> None:
    buffer = Buffer()
    edits = LINTSEQ.read("@@ -0,0 +1,2 @@\n+<|diff|>\n+x<|diff|>\n<|diff|>", buffer)
    assert len(edits) == 1
    assert buffer.lines == ("<|diff|>", "x<|diff|>")


def test_an_edit_can_be_taken_back_and_read_again() -> None:
    buffer = Buffer()
    reader = LINTSEQ.reader(buffer)
    reader.feed("@@ -0,0 +1 @@\n+wrong\n<|diff|>@@ -1,0")
    buffer.take_back()
    reader.reset()
    assert reader.partial == ""
    reader.feed("@@ -0,0 +1 @@\n+right\n<|diff|>")
    assert (buffer.text, buffer.version) == ("right\n", 1)


def test_preview_shows_the_hunk_growing() -> None:
    reader = LINTSEQ.reader(Buffer.from_text("a\nb\nc\n"))
    untouched = [("a", False), ("b", False), ("c", False)]
    reader.feed("@@ -2 +2,2 @@")
    assert reader.preview == untouched
    reader.feed("\n-b")
    assert reader.preview == untouched
    reader.feed("\n+x")
    assert reader.partial == "+x"
    assert reader.preview == [("a", False), ("x", True), ("c", False)]
    reader.feed("1\n+")
    assert reader.preview == [("a", False), ("x1", True), ("", True), ("c", False)]
    reader.close()
    assert reader.preview == [("a", False), ("x1", False), ("", False), ("c", False)]


def test_preview_shows_context_as_old_and_nothing_beyond_the_hunk() -> None:
    reader = UNIFIED.reader(Buffer.from_text("a\nb\n"))
    reader.feed("@@ -1,2 +1,3 @@\n a\n+x\n b\n")
    expected = [("a", False), ("x", True), ("b", False)]
    assert reader.preview == expected
    reader.feed("+y")
    assert reader.preview == expected


def test_the_draft_says_what_is_left_to_read() -> None:
    reader = LINTSEQ.reader(Buffer.from_text("a\nb\n"))
    reader.feed("@@ -2 +2,2 @@\n-b\n+c\n")
    draft = reader.draft
    assert (draft.number, draft.old_left, draft.new_left) == (1, 0, 1)
    assert (draft.cursor, draft.row, draft.is_hunk_whole) == (2, 2, False)
    reader.feed("+d\n")
    assert draft.is_hunk_whole


def test_line_ends_of_windows_are_those_of_the_buffer() -> None:
    buffer = Buffer.from_text("a\r\nb\r\n")
    reader = LINTSEQ.reader(buffer)
    events = reader.feed("@@ -1,0 +2,2 @@\r\n+x\r") + reader.feed("\n+y\r\n<|diff|>\r\n<|diff|>")
    assert events[1] == LineRead("+", "x", 1)
    assert events[-1] == SequenceEnded()
    assert buffer.text == "a\r\nx\r\ny\r\nb\r\n"


def test_carriage_returns_stay_in_other_buffers() -> None:
    buffer = Buffer.from_text("a\n")
    LINTSEQ.read("@@ -1,0 +2 @@\n+x\r\n", buffer)
    assert buffer.text == "a\nx\r\n"


def test_the_missing_final_newline_is_read() -> None:
    buffer = Buffer.from_text("a\nb")
    text = (
        "@@ -2 +2 @@\n-b\n\\ No newline at end of file\n+c\n\\ No newline at end of file\n"
        "<|diff|>@@ -2 +2 @@\n-c\n\\ No newline at end of file\n+d"
    )
    reader = LINTSEQ.reader(buffer)
    reader.feed(text)
    assert buffer.text == "a\nc"
    reader.close()
    assert buffer.text == "a\nd\n"


def test_unified_files_follow_one_another() -> None:
    buffer = Buffer.from_text("a\n\nb\n")
    text = f"{FILE}@@ -1,3 +1,3 @@ class A:\n-a\n+x\n\n b\n{FILE}@@ -1 +0,0 @@\n-x\n"
    assert len(UNIFIED.read(text, buffer)) == 2
    assert buffer.text == "\nb\n"


def test_unified_names_may_be_missing_at_first() -> None:
    buffer = Buffer.from_text("a\n")
    UNIFIED.read("@@ -1 +1 @@\n-a\n+b", buffer)
    assert buffer.text == "b\n"


WRONG_LINTSEQ = [
    ("x", DiffSyntaxError, "hunk 1 should begin with a header", 1, 1),
    ("@@ -1,0 +2\n", DiffSyntaxError, "hunk 1 should begin with a header", 1, 1),
    ("@@ -1,0 +2 @@ f\n+x", DiffSyntaxError, "hunk 1 should begin with a header", 1, 1),
    ("@@ -1,0 +2 @@\n+x\n\n<|diff|>", DiffSyntaxError, "hunk 2 should begin", 2, 3),
    ("@@ -1,0 +3 @@\n+x", DiffSyntaxError, r"should be @@ -1,0 \+2 @@", 1, 1),
    ("@@ -1,0 +2 @@\n+x\n@@ -3,0 +4 @@\n+y", DiffSyntaxError, r"be @@ -3,0 \+5 @@", 2, 3),
    ("@@ -1,0 +1,0 @@\n", DiffSyntaxError, "hunk 1 has no lines", 1, 1),
    ("@@ -1,0 +2,2 @@\n+x", DiffSyntaxError, "lacks 0 old .* and 1 new", 1, 2),
    ("@@ -1,0 +2,2 @@\n+x\n<|diff|>", DiffSyntaxError, "hunk 1 ends early", 1, 2),
    ("@@ -1,0 +2,2 @@\n+x\n@@ -2,0 +4 @@\n", DiffSyntaxError, "begin with '\\+' or '-'", 1, 3),
    ("@@ -1,0 +2 @@\n+x\n+y", DiffSyntaxError, "hunk 2 should begin with a header", 2, 3),
    ("@@ -1 +1,2 @@\n-a\n-b", DiffSyntaxError, "hunk 1 has more removed lines", 1, 3),
    ("@@ -1,2 +1 @@\n+x\n+y", DiffSyntaxError, "hunk 1 has more added lines", 1, 3),
    ("@@ -1 +1 @@\n a", DiffSyntaxError, "begin with '\\+' or '-': ' a'", 1, 2),
    ("@@ -1 +1 @@\n\n", DiffSyntaxError, "begin with '\\+' or '-': ''", 1, 2),
    ("\nx\n", DiffSyntaxError, r"followed by <\|diff\|>, not 'x'", None, 2),
    ("\\ No newline at end of file\n", DiffSyntaxError, "line with a newline in hunk 1", 1, 1),
    ("@@ -1 +1 @@\n\\ No newline at end of file\n", DiffSyntaxError, "follows no line", 1, 2),
    (
        "@@ -1,0 +2 @@\n+x" + 2 * "\n\\ No newline at end of file",
        DiffSyntaxError,
        "follows no line with a newline",
        1,
        4,
    ),
    ("@@ -1,0 +2 @@\n+x\n\\ No newline", DiffSyntaxError, "hunk 1 should begin with '\\+'", 1, 3),
    ("@@ -1,0 +2 @@\n+x\n\\ No newline at end of file", HunkError, "hunk 1 leaves 'x'", 1, 2),
    ("@@ -4,0 +5 @@\n+x", HunkError, "hunk 1 inserts after line 4", 1, 4),
    ("@@ -3,2 +2,0 @@\n-c\n", HunkError, "hunk 1 reaches to line 4", 1, 4),
    ("@@ -2 +1,0 @@\n-c\n", HunkError, "'c' at line 2, where the buffer has 'b'", 1, 2),
    ("@@ -2 +1,0 @@\n-b\n@@ -1,0 +1 @@\n", HunkError, "hunk 2 starts at line 2, but", 2, 2),
    ("@@ -3 +3 @@\n-c\n\\ No newline at end of file\n+d", HunkError, "newline at the end", 1, 3),
]
WRONG_UNIFIED = [
    ("--- a/f\n@@ -1 +0,0 @@\n", DiffSyntaxError, r"followed by '\+\+\+ '", None, 2),
    (FILE, DiffSyntaxError, "the file names are not followed by a hunk", 1, 2),
    (FILE + FILE, DiffSyntaxError, "hunk 1 should begin with a header", 1, 3),
    ("+++ b/f\n", DiffSyntaxError, "hunk 1 should begin with a header", 1, 1),
    ("@@ -1 +1 @@\n a\n", DiffSyntaxError, "hunk 1 changes nothing", 1, 2),
    ("@@ -1 +1 @@\n-a\n b", DiffSyntaxError, "hunk 1 has more context lines", 1, 3),
    ("@@ -1,2 +1,1 @@\n b\n", HunkError, "'b' at line 1, .* occur at line 2", 1, 1),
    (FILE + "@@ -2,2 +2,1 @@\n b\n-x", HunkError, "line 3, .* occur nowhere", 1, 3),
]


@pytest.mark.parametrize(
    ("dialect", "text", "kind", "message", "hunk", "line"),
    [(LINTSEQ, *case) for case in WRONG_LINTSEQ] + [(UNIFIED, *case) for case in WRONG_UNIFIED],
)
def test_what_is_wrong_is_named_and_nothing_applied(
    dialect: Dialect, text: str, kind: type[EditError], message: str, hunk: int | None, line: int
) -> None:
    buffer = Buffer.from_text("a\nb\nc\n")
    reader = dialect.reader(buffer)
    with pytest.raises(kind, match=message) as caught:
        read(reader, [text])
    assert (caught.value.hunk, caught.value.line) == (hunk, line)
    assert (buffer.text, buffer.version) == ("a\nb\nc\n", 0)


def test_a_missing_newline_is_judged_as_soon_as_the_hunk_is_whole() -> None:
    reader = LINTSEQ.reader(Buffer.from_text("a"))
    reader.feed("@@ -1 +1 @@\n-a\n+b\n")
    with pytest.raises(HunkError, match=r"expects 'a' at line 1, .* 'a' without a newline"):
        reader.feed("@")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [("x\n", "line 1 of the edit: hunk 1 should"), ("@@ -2,0 +3 @@\n", "hunk 1 inserts after")],
)
def test_a_stopped_reader_needs_a_reset(wrong: str, message: str) -> None:
    reader = LINTSEQ.reader(Buffer())
    with pytest.raises(EditError, match=message):
        reader.feed(wrong)
    for call in (partial(reader.feed, "@@"), reader.close):
        with pytest.raises(DiffSyntaxError, match=f"was not reset: {message}"):
            call()
    reader.reset()
    reader.feed("@@ -0,0 +1 @@\n+a")
    reader.close()
    assert reader.buffer.text == "a\n"


def test_a_closed_reader_takes_no_more_text() -> None:
    reader = LINTSEQ.reader(Buffer())
    reader.feed("@@ -0,0 +1 @@\n+a")
    reader.close()
    assert reader.close() == []
    with pytest.raises(DiffSyntaxError, match="line 1 of the edit: text after the end"):
        reader.feed("@")


def test_reading_at_once_applies_all_or_nothing() -> None:
    buffer = Buffer()
    with pytest.raises(HunkError):
        LINTSEQ.read("@@ -0,0 +1 @@\n+a\n<|diff|>@@ -2,0 +3 @@\n+b", buffer)
    assert (buffer.text, buffer.version) == ("", 0)


class TestFences:
    DIFF = FILE + "@@ -1 +1 @@\n-a\n+b\n"

    @pytest.mark.parametrize("rest", ["```", "```\n", "```\n\nThat was it.\n", "````x"])
    @pytest.mark.parametrize("strict", [True, False])
    @pytest.mark.parametrize("size", [1, 3, 1000])
    def test_a_fence_ends_the_sequence(self, rest: str, strict: bool, size: int) -> None:
        buffer = Buffer(["a"])
        reader = UNIFIED.reader(buffer, strict=strict)
        text = self.DIFF + rest
        events = [
            event
            for start in range(0, len(text), size)
            for event in reader.feed(text[start : start + size])
        ]
        assert events[-1] == SequenceEnded()
        assert events.count(SequenceEnded()) == 1
        assert reader.close() == []
        assert buffer.text == "b\n"

    def test_a_fence_within_a_hunk_ends_it_early(self) -> None:
        buffer = Buffer(["a", "b"])
        with pytest.raises(DiffSyntaxError, match="ends early"):
            UNIFIED.read(FILE + "@@ -1,2 +1,2 @@\n-a\n+b\n```", buffer)
        assert buffer.lines == ("a", "b")

    def test_a_line_of_a_hunk_may_hold_one(self) -> None:
        buffer = Buffer(["```"])
        UNIFIED.read(FILE + "@@ -1 +1,2 @@\n ```\n+```x\n", buffer)
        assert buffer.lines == ("```", "```x")

    def test_after_the_end_nothing_is_read(self) -> None:
        reader = UNIFIED.reader(Buffer(["a"]))
        reader.feed(self.DIFF)
        reader.close()
        with pytest.raises(DiffSyntaxError, match="after the end"):
            reader.feed(self.DIFF)


def test_a_reader_that_is_not_strict_takes_no_count_for_true() -> None:
    buffer = Buffer(["a", "b"])
    reader = UNIFIED.reader(buffer, strict=False)
    reader.feed(FILE + "@@ -2,400 +2,7 @@\n-b\n")
    reader.close()
    assert buffer.lines == ("a",)
