from __future__ import annotations

import pytest
from hypothesis import given

from ondevice.edits import Buffer, Edit, Hunk, Line, diff
from ondevice.errors import EditError, HunkError

from .strategies import few, texts


def insertion(start: int, *added: str) -> Edit:
    return Edit((Hunk(start, tuple(Line("+", text) for text in added)),))


def replacement(start: int, old: str, new: str) -> Hunk:
    return Hunk(start, (Line("-", old), Line("+", new)))


@pytest.mark.parametrize(
    ("text", "newline", "lines"),
    [
        ("", "\n", ()),
        ("\n", "\n", ("",)),
        ("a", "\n", ("a",)),
        ("a\nb\n", "\n", ("a", "b")),
        ("a\r\nb", "\r\n", ("a", "b")),
        ("a\r\nb\n", "\n", ("a\r", "b")),
        ("a\r\nb\r", "\n", ("a\r", "b\r")),
        ("a\rb", "\n", ("a\rb",)),
        ("a\x0cb\u2028c\x85d\x0be\n", "\n", ("a\x0cb\u2028c\x85d\x0be",)),
    ],
)
def test_lines_of_a_text(text: str, newline: str, lines: tuple[str, ...]) -> None:
    buffer = Buffer.from_text(text)
    assert (buffer.newline, buffer.lines, buffer.version) == (newline, lines, 0)


@few
@given(texts())
def test_text_is_kept_to_the_character(text: str) -> None:
    assert Buffer.from_text(text).text == text
    assert Buffer.from_text(text, newline="\n").text == text
    assert Buffer.from_text("\ufeff" + text).text == "\ufeff" + text


def test_byte_order_mark_is_in_no_line() -> None:
    buffer = Buffer.from_text("\ufeffa\n")
    assert buffer.lines == ("a",)
    buffer.apply(insertion(0, "first"))
    assert buffer.text == "\ufefffirst\na\n"


def test_line_ends_can_be_forced() -> None:
    assert Buffer.from_text("a\r\n", newline="\n").lines == ("a\r",)
    buffer = Buffer.from_text("", newline="\r\n")
    buffer.apply(insertion(0, "a"))
    assert buffer.text == "a\r\n"
    with pytest.raises(ValueError, match="other than"):
        Buffer.from_text("a\n", newline="\r\n")


def test_line_breaks_within_a_line_are_refused() -> None:
    with pytest.raises(ValueError, match="line break"):
        Line("+", "a\nb")
    with pytest.raises(ValueError, match="line break"):
        Buffer(["a\n"])
    with pytest.raises(ValueError, match="line break"):
        diff(["a\n"], [])


def test_versions() -> None:
    buffer = Buffer()
    assert [buffer.apply(insertion(0, text)) for text in "abc"] == [1, 2, 3]
    buffer.take_back()
    assert (buffer.version, buffer.text) == (2, "b\na\n")
    buffer.take_back(0)
    assert (buffer.version, buffer.text) == (0, "")
    with pytest.raises(ValueError, match="no version -1"):
        buffer.take_back()
    with pytest.raises(ValueError, match="no version 1"):
        buffer.take_back(1)


def test_a_copy_goes_its_own_way() -> None:
    buffer = Buffer.from_text("\ufeffa\r\n")
    buffer.apply(insertion(0, "b"))
    twin = buffer.copy()
    twin.apply(insertion(0, "c"))
    assert (buffer.text, twin.text) == ("\ufeffb\r\na\r\n", "\ufeffc\r\nb\r\na\r\n")
    twin.take_back(0)
    assert twin.text == "\ufeffa\r\n"
    assert buffer.version == 1


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a", "a\n"),
        ("a\n", "a"),
        ("a\nb", "a\n"),
        ("a", ""),
        ("", "a"),
        ("a", "b\na"),
        ("a", "a\nb"),
    ],
)
def test_final_newline_is_part_of_an_edit(before: str, after: str) -> None:
    buffer = Buffer.from_text(before)
    buffer.apply(diff(buffer, Buffer.from_text(after)))
    assert buffer.text == after


def test_a_line_without_a_newline_gets_one_when_lines_follow() -> None:
    buffer = Buffer.from_text("a")
    buffer.apply(insertion(1, "b"))
    assert buffer.text == "a\nb\n"


def test_hunks_may_touch_but_keep_their_order() -> None:
    buffer = Buffer(["a", "b"])
    buffer.apply(
        Edit((*insertion(0, "x").hunks, replacement(0, "a", "y"), Hunk(1, (Line("+", "z"),))))
    )
    assert buffer.lines == ("x", "y", "z", "b")


def test_an_edit_elsewhere_leaves_the_file_without_its_final_newline() -> None:
    buffer = Buffer.from_text("a\nb")
    buffer.apply(insertion(0, "c"))
    assert buffer.text == "c\na\nb"


def test_envelopes_cannot_be_changed() -> None:
    with pytest.raises(EditError, match="line ends"):
        diff(Buffer.from_text("a\n"), Buffer.from_text("a\r\n"))
    with pytest.raises(EditError, match="byte-order mark"):
        diff(Buffer.from_text("a"), Buffer.from_text("\ufeffa"))


@pytest.mark.parametrize(
    ("edit", "message", "hunk", "line", "nearest"),
    [
        (
            Edit((replacement(1, "d", "x"),)),
            "hunk 1 does not fit: it expects 'd' at line 2, where the buffer has 'b'; "
            "its old lines occur at line 4",
            1,
            2,
            4,
        ),
        (
            Edit((replacement(0, "a", "x"), replacement(1, "z", "x"))),
            "hunk 2 does not fit: it expects 'z' at line 2, where the buffer has 'b'; "
            "its old lines occur nowhere in the buffer",
            2,
            2,
            None,
        ),
        (
            Edit((Hunk(3, (Line("-", "d", newline=False),)),)),
            "hunk 1 does not fit: it expects 'd' without a newline at line 4, where the buffer "
            "has 'd'; they differ in the newline at the end of the file",
            1,
            4,
            None,
        ),
        (
            Edit((Hunk(0, (Line("+", "x", newline=False),)),)),
            "hunk 1 leaves 'x' without a newline, but only the last line of the file can lack one",
            1,
            1,
            None,
        ),
        (insertion(5, "x"), "hunk 1 inserts after line 5, but the buffer has 4 lines", 1, 5, None),
        (
            Edit((Hunk(3, (Line("-", "d"), Line("-", "e"))),)),
            "hunk 1 reaches to line 5, but the buffer has 4 lines",
            1,
            5,
            None,
        ),
        (
            Edit((replacement(2, "c", "x"), replacement(1, "b", "x"))),
            "hunk 2 starts at line 2, but the hunk before it reaches to line 3: "
            "hunks must be in order and must not overlap",
            2,
            2,
            None,
        ),
    ],
)
def test_what_does_not_fit_is_refused_whole(
    edit: Edit, message: str, hunk: int, line: int, nearest: int | None
) -> None:
    buffer = Buffer.from_text("a\nb\nc\nd\n")
    with pytest.raises(HunkError) as caught:
        buffer.apply(edit)
    error = caught.value
    assert str(error) == message
    assert (error.hunk, error.line, error.nearest) == (hunk, line, nearest)
    assert (buffer.text, buffer.version) == ("a\nb\nc\nd\n", 0)


def test_the_nearest_of_several_places_is_named() -> None:
    buffer = Buffer(list("abxxxxabxa"))
    edit = Edit((Hunk(5, (Line(" ", "a"), Line("-", "b"))),))
    with pytest.raises(HunkError) as caught:
        buffer.apply(edit)
    assert caught.value.nearest == 7


def test_counts_of_an_edit() -> None:
    edit = Edit((replacement(0, "a", "x"), Hunk(2, (Line(" ", "c"), Line("+", "y")))))
    assert (edit.removed_count, edit.added_count, edit.insert_only) == (1, 2, False)
    assert insertion(0, "a").insert_only
    first, second = edit.hunks
    assert (first.removed, first.added) == (("a",), ("x",))
    assert second.old == (Line(" ", "c"),)
    assert second.new == (Line(" ", "c"), Line("+", "y"))


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", ()),
        ("\n", ("",)),
        ("a", ("a",)),
        ("\ufeff", ("\ufeff",)),
        ("\ufeffa\r\nb\r\n", ("\ufeffa\r", "b\r")),
        ("a\n\nb", ("a", "", "b")),
    ],
)
def test_verbatim_lines_hold_everything(text: str, lines: tuple[str, ...]) -> None:
    buffer = Buffer.verbatim(text)
    assert buffer.lines == lines
    assert buffer.text == text
