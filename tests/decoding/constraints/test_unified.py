"""The unified constraint: what may come next, byte by byte."""

from __future__ import annotations

import pytest

from ondevice.backends.scripted import END_TOKEN
from ondevice.decoding.constraints import UnifiedConstraint
from ondevice.decoding.constraints import unified as module
from ondevice.decoding.constraints.unified_grammar import WINDOW
from ondevice.edits import Buffer, Header
from ondevice.edits.buffer import LineEnd
from ondevice.edits.unified import Unified

from .walking import byte_vocabulary, made_vocabulary, next_allowed, refusal

BYTES = byte_vocabulary()
NAMES = "--- a/file\n+++ b/file\n"
BARE = "\n\\ No newline at end of file\n"
LETTERS = Buffer(list("abcdefghij"))


def started(buffer: Buffer, text: str = "", path: str = "file") -> UnifiedConstraint:
    """Return a constraint that has followed the names and ``text``."""
    constraint = UnifiedConstraint(*BYTES.arguments, dialect=Unified(path))
    constraint.start_edit(buffer)
    go(constraint, Unified(path).names + text)
    return constraint


def go(constraint: UnifiedConstraint, text: str) -> None:
    assert refusal(constraint, BYTES, text) is None


def following(constraint: UnifiedConstraint) -> str:
    """What may come next, as characters; ``$`` is the end of the text."""
    tokens = next_allowed(constraint, BYTES)
    end = "$" if END_TOKEN in tokens else ""
    return end + "".join(map(chr, sorted(tokens - {END_TOKEN})))


def forced_text(constraint: UnifiedConstraint) -> str:
    return BYTES.text(constraint.forced())


def mended(constraint: UnifiedConstraint) -> Header:
    mending = constraint.mending(END_TOKEN)
    assert mending is not None
    return mending.header


class TestHeaders:
    @pytest.mark.parametrize("path", ["file", "src/some file.py"])
    def test_the_names_come_first(self, path: str) -> None:
        constraint = UnifiedConstraint(*BYTES.arguments, dialect=Unified(path))
        constraint.start_edit(LETTERS)
        assert forced_text(constraint) == Unified(path).names + "@@ -"

    def test_a_position_in_the_file(self) -> None:
        assert following(started(LETTERS, "@@ -")) == "123456789"
        assert following(started(LETTERS, "@@ -1")) == " ,0"
        assert forced_text(started(LETTERS, "@@ -4")) == ""
        assert forced_text(started(LETTERS, "@@ -10")) == ""
        assert following(started(LETTERS, "@@ -10")) == " ,"

    def test_the_new_start_follows(self) -> None:
        assert forced_text(started(LETTERS, "@@ -7 ")) == "+7"
        assert forced_text(started(LETTERS, "@@ -10,3 ")) == "+10"

    @pytest.mark.parametrize(("count", "refused"), [("0", 1), ("1", 2), ("01", 1), ("12345", 5)])
    def test_counts_that_are_never_written(self, count: str, refused: int) -> None:
        constraint = started(LETTERS, "@@ -3")
        assert refusal(constraint, BYTES, f",{count} ") == refused

    def test_there_is_no_heading(self) -> None:
        assert forced_text(started(LETTERS, "@@ -3,7 +3,9 ")) == "@@\n"

    def test_an_empty_file_has_one_start(self) -> None:
        constraint = started(Buffer(), "@@ -")
        assert forced_text(constraint) == "0,0 +1"
        go(constraint, "0,0 +1,2 @@\n")
        assert forced_text(constraint) == "+"
        go(constraint, "+x\n")
        assert following(constraint) == "$+"
        assert mended(constraint) == Header(0, 0, 0, 1)

    def test_a_mended_header_has_its_place_in_the_text(self) -> None:
        first = "@@ -2,9 +2,9 @@\n b\n+x\n c\n"
        second = "@@ -8,9 +9,9 @@\n-h\n i\n"
        constraint = started(LETTERS, first)
        mending = constraint.mending(ord("@"))
        assert mending is not None
        text = mending.mend(NAMES + first)
        assert text == NAMES + first.replace("-2,9 +2,9", "-2,2 +2,3")
        assert constraint.mending(ord("+")) is None
        go(constraint, second)
        mending = constraint.mending(END_TOKEN)
        assert mending is not None
        assert mending.mend(text + second) == text + second.replace("-8,9 +9,9", "-8,2 +9")

    def test_a_right_header_is_left_alone(self) -> None:
        assert started(LETTERS, "@@ -2,2 +2,3 @@\n b\n+x\n c\n").mending(END_TOKEN) is None


class TestLines:
    def test_old_lines_are_the_files(self) -> None:
        buffer = Buffer(["\tdef é():", "x = '/' \\ \"", "lone\r", "\u2028\x0c\x00"])
        constraint = started(buffer, "@@ -1,4 +1,4 @@\n")
        assert following(constraint) == " +-"
        for op, line in zip(" - -", buffer.lines, strict=True):
            go(constraint, op)
            assert forced_text(constraint) == line + "\n"
            go(constraint, line + "\n")

    def test_what_an_added_line_may_hold(self) -> None:
        constraint = started(LETTERS, "@@ -1 +1 @@\n+é\t\x0c\u2028+@@ -1 ")
        assert refusal(constraint, BYTES, "\r") == 0
        assert not {END_TOKEN, BYTES.diff, 0x80, 0xFF} & next_allowed(constraint, BYTES)

    def test_half_a_character_must_be_finished(self) -> None:
        constraint = started(LETTERS, "@@ -1 +1 @@\n+")
        constraint.consume(0xE2)
        assert next_allowed(constraint, BYTES) == set(range(0x80, 0xC0))

    def test_line_ends_of_windows(self) -> None:
        constraint = started(Buffer(["a", "b"], newline="\r\n"), "@@ -1 +1 @@\n a")
        assert forced_text(constraint) == "\r\n"
        go(constraint, "\r\n+x")
        assert refusal(constraint, BYTES, "\n") == 0
        go(constraint, "\r")
        assert forced_text(constraint) == "\n"

    def test_a_file_that_spells_out_special_tokens(self) -> None:
        line = "x <|diff|> <|endoftext|>"
        constraint = started(Buffer([line]), "@@ -1 +1 @@\n-")
        written = []
        while len(written) <= len(line):
            forced = constraint.forced()
            assert forced
            assert constraint.mask()[forced[0]]
            for token in forced:
                assert constraint.allows(token)
                constraint.consume(token)
                written.append(token)
        assert bytes(written).decode() == line + "\n"

    def test_nothing_but_added_lines_after_the_last(self) -> None:
        constraint = started(Buffer(["a"]), "@@ -1 +1 @@\n a\n")
        assert following(constraint) == "+"
        go(constraint, "+b\n")
        assert following(constraint) == "$+"


class TestEnds:
    @pytest.mark.parametrize(
        ("body", "next_ones"),
        [
            ("", " +-"),
            (" e\n", " +-"),
            ("-e\n", " +-"),
            ("+x\n", " +-"),
            ("+x\n e\n", "$ +-@"),
            ("-e\n f\n", "$ +-@"),
            (" e\n+x\n", " +-"),
            (" e\n+x\n f\n", "$ +-@"),
            (" e\n f\n+x\n g\n", " +-"),
            (" e\n f\n+x\n g\n h\n", "$ +-@"),
            (" e\n f\n+x\n g\n-h\n i\n", " +-"),
            (" e\n f\n+x\n g\n-h\n i\n j\n", "$+"),
            (" e\n f\n+x\n g\n h\n i\n j\n", "$+"),
            (" e\n f\n g\n h\n-i\n-j\n", "$+"),
            ("-e\n-f\n-g\n-h\n-i\n-j\n", "$+"),
            (" e\n f\n g\n h\n i\n j\n", "+"),
            (" e\n f\n g\n h\n i\n j\n+x\n", "$+"),
            ("+x\n e\n+y\n", " +-"),
        ],
    )
    def test_a_hunk_ends_where_git_and_patch_take_it(self, body: str, next_ones: str) -> None:
        assert following(started(LETTERS, "@@ -5,9 +5,9 @@\n" + body)) == next_ones

    def test_a_file_may_lose_all_its_lines(self) -> None:
        constraint = started(Buffer(["a", "b"]), "@@ -1 +1 @@\n-a\n-b\n")
        assert str(mended(constraint)) == "@@ -1,2 +0,0 @@"

    def test_a_further_hunk_comes_after_the_one_before(self) -> None:
        constraint = started(LETTERS, "@@ -2 +2 @@\n-b\n-c\n d\n@@ -")
        assert following(constraint) == "156789"
        go(constraint, "1")
        assert following(constraint) == "0"
        go(constraint, "0 ")
        assert forced_text(constraint) == "+8"
        go(constraint, "+8 @@\n-j\n")
        assert following(constraint) == "$+"

    def test_nothing_is_no_edit(self) -> None:
        constraint = UnifiedConstraint(*BYTES.arguments)
        for buffer in (Buffer(), LETTERS):
            constraint.start_edit(buffer)
            assert following(constraint) == "-"

    def test_a_new_edit_starts_afresh(self) -> None:
        constraint = started(LETTERS, "@@ -2 +2 @@\n-b\n c\n@@ -5 +4 @@\n-e")
        constraint.start_edit(Buffer(["z"]))
        assert forced_text(constraint) == NAMES + "@@ -1"


class TestFences:
    def fenced(self, buffer: Buffer, text: str) -> UnifiedConstraint:
        constraint = UnifiedConstraint(*BYTES.arguments, dialect=Unified(fenced=True))
        constraint.start_edit(buffer)
        go(constraint, NAMES + text)
        return constraint

    def test_a_fence_stands_where_the_text_may_end(self) -> None:
        constraint = self.fenced(LETTERS, "@@ -5,9 +5,9 @@\n+x\n e\n")
        assert following(constraint) == "$ +-@`"
        assert following(self.fenced(LETTERS, "@@ -5 +5 @@\n+x\n")) == " +-"
        assert following(self.fenced(LETTERS, "")) == "@"
        assert "`" not in following(self.fenced(LETTERS, "@@ -"))

    def test_it_is_written_whole_after_the_header_is_mended(self) -> None:
        constraint = self.fenced(LETTERS, "@@ -5,9 +5,9 @@\n+x\n e\n")
        mending = constraint.mending(ord("`"))
        assert mending is not None
        assert str(mending.header) == "@@ -5 +5,2 @@"
        go(constraint, "`")
        assert forced_text(constraint) == "``"

    def test_after_the_last_line(self) -> None:
        constraint = self.fenced(Buffer(["a"]), "@@ -1 +1 @@\n-a\n+b\n")
        assert following(constraint) == "$+`"

    def test_lines_of_the_file_that_look_like_one(self) -> None:
        constraint = self.fenced(Buffer(["```", "b"]), "@@ -1 +1 @@\n")
        assert following(constraint) == " +-"
        go(constraint, "-```\n+```\n b\n")
        assert following(constraint) == "$+`"


class TestWithoutFinalNewline:
    BUFFER = Buffer(["a", "b", "c"], final_newline=False)

    def test_the_last_line_brings_its_marker(self) -> None:
        constraint = started(self.BUFFER, "@@ -2 +2 @@\n-b\n")
        go(constraint, " ")
        assert forced_text(constraint) == "c" + BARE
        go(constraint, "c" + BARE)
        assert following(constraint) == "$"
        assert constraint.forced() == []

    def test_as_context_it_ends_only_a_hunk_that_changed_something(self) -> None:
        assert following(started(self.BUFFER, "@@ -3 +3 @@\n")) == "+-"
        assert following(started(self.BUFFER, "@@ -2 +2 @@\n b\n")) == "+-"
        assert following(started(self.BUFFER, "@@ -2 +2 @@\n b\n+x\n")) == " +-"
        assert following(started(self.BUFFER, "@@ -2 +2 @@\n-b\n")) == " +-"

    def test_lines_after_it_have_a_newline_or_not(self) -> None:
        constraint = started(self.BUFFER, "@@ -3 +3 @@\n-c")
        assert forced_text(constraint) == BARE
        go(constraint, BARE)
        assert following(constraint) == "$+"
        go(constraint, "+d\n")
        assert following(constraint) == "$+\\"
        go(constraint, "+e\n\\")
        assert forced_text(constraint) == BARE[2:]
        go(constraint, BARE[2:])
        assert following(constraint) == "$"
        assert mended(constraint) == Header(2, 1, 2, 2)

    def test_an_empty_line_without_newline_is_none(self) -> None:
        constraint = started(self.BUFFER, f"@@ -3 +3 @@\n-c{BARE}+\n")
        assert following(constraint) == "$+"

    def test_a_file_with_a_final_newline_keeps_it(self) -> None:
        constraint = started(Buffer(["a"]), "@@ -1 +1 @@\n-a\n")
        assert following(constraint) == "$+"


class TestLongHunks:
    LINES = 3000  # as one grammar, they would end the process

    @pytest.mark.parametrize("newline", ["\n", "\r\n"])
    def test_a_hunk_may_be_as_long_as_the_file(self, newline: LineEnd) -> None:
        lines = [f"é {number}" for number in range(self.LINES)]
        body = "".join(f"-{line}{newline}" for line in lines)
        constraint = started(Buffer(lines, newline=newline), f"@@ -1 +1 @@\n{body}")
        assert following(constraint) == "$+"
        assert mended(constraint) == Header(0, self.LINES, 0, 0)

    @pytest.mark.parametrize(
        ("ops", "within", "at_last"),
        [(" ", " +-", "+-"), ("-", " +-", " +-"), ("- ", "$ +-@", " +-")],
    )
    def test_what_may_come_is_the_same_wherever_the_window_ends(
        self, ops: str, within: str, at_last: str
    ) -> None:
        buffer = Buffer(["a"] * 200, final_newline=False)
        constraint = started(buffer, "@@ -1 +1 @@\n")
        for row in range(1, 200):
            op = ops[(row - 1) % len(ops)]
            go(constraint, f"{op}a\n")
            if row < 199 and op == ops[-1]:
                assert following(constraint) == within
        assert following(constraint) == at_last

    def test_a_token_with_more_lines_than_the_window_s_margin_is_refused(self) -> None:
        few, many = b"-\n" * module._MARGIN, b"-\n" * (WINDOW + 1)
        vocabulary = made_vocabulary([few, many])
        constraint = UnifiedConstraint(*vocabulary.arguments)
        constraint.start_edit(Buffer([""] * self.LINES))
        for token in f"{NAMES}@@ -1 +1 @@\n".encode():
            constraint.consume(token)
        few_token, many_token = map(vocabulary.pieces.index, (few, many))
        for _ in range(20):
            mask = constraint.mask()
            assert mask[few_token]
            assert constraint.allows(few_token)
            constraint.consume(few_token)
        assert not constraint.mask()[many_token]
        assert not constraint.allows(many_token)


def test_tokens_that_reach_over_line_ends() -> None:
    pieces = [b" @@\n ", b"\n ", b"\n \n", b"\n-", b"\n@@ -", b"\xc3", b"\xa9\n+"]
    vocabulary = made_vocabulary(pieces)
    header, context, empty, removed, hunk, half, rest = map(vocabulary.pieces.index, pieces)
    constraint = UnifiedConstraint(*vocabulary.arguments)
    constraint.start_edit(Buffer(["a", "", "b", "c", "d"]))
    before = [*f"{NAMES}@@ -1,2 +1,2".encode()]
    body = [header, *b"a", empty, *b"+", half, rest, *b"x", removed, *b"b", context, *b"c"]
    for token in before + body:
        assert constraint.allows(token), vocabulary.pieces[token]
        constraint.consume(token)
    # The end of a hunk and the next header are never in one token.
    assert not constraint.allows(hunk)
    assert not constraint.mask()[hunk]
    constraint.consume(context)
    for token in b"d\n":
        constraint.consume(token)
    mending = constraint.mending(vocabulary.end)
    assert mending is not None
    assert str(mending.header) == "@@ -1,5 +1,6 @@"
