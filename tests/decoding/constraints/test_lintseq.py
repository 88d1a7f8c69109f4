"""The LintSeq constraint: what may come next, byte by byte."""

from __future__ import annotations

import pytest

from ondevice.backends.scripted import DIFF_TOKEN, END_TOKEN
from ondevice.decoding.constraints import LintSeqConstraint, Mending
from ondevice.decoding.constraints import lintseq as module
from ondevice.edits import LINTSEQ, Buffer, Header

from .walking import byte_vocabulary, made_vocabulary, next_allowed, refusal

BYTES = byte_vocabulary()


@pytest.fixture
def constraint() -> LintSeqConstraint:
    return LintSeqConstraint(*BYTES.arguments)


def lines(count: int) -> Buffer:
    return Buffer(["x"] * count)


def next_tokens(constraint: LintSeqConstraint) -> set[int]:
    return next_allowed(constraint, BYTES)


def go(constraint: LintSeqConstraint, text: str) -> None:
    assert refusal(constraint, BYTES, text) is None


def forced_text(constraint: LintSeqConstraint) -> str:
    return BYTES.text(constraint.forced())


def test_an_empty_buffer_allows_one_start(constraint: LintSeqConstraint) -> None:
    constraint.start_edit(lines(0))
    assert next_tokens(constraint) == {ord("@")}
    assert forced_text(constraint) == "@@ -0,0 +1"


def test_a_sequence_may_end_once_there_is_something(constraint: LintSeqConstraint) -> None:
    constraint.start_edit(lines(3))
    assert next_tokens(constraint) == {ord("@"), ord("\n"), END_TOKEN}
    assert constraint.forced() == []
    go(constraint, "\n")
    assert next_tokens(constraint) == {DIFF_TOKEN} == set(constraint.forced())


def test_the_end_is_no_longer_allowed_within_an_edit(constraint: LintSeqConstraint) -> None:
    constraint.start_edit(lines(3))
    go(constraint, "@")
    assert not constraint.allows(END_TOKEN)
    assert not constraint.mask()[END_TOKEN]


@pytest.mark.parametrize(("rows", "digits"), [(0, "0"), (3, "0123"), (9, "0123456789")])
def test_positions_within_the_buffer(constraint: LintSeqConstraint, rows: int, digits: str) -> None:
    constraint.start_edit(lines(rows))
    go(constraint, "@@ -")
    assert next_tokens(constraint) == set(map(ord, digits))


def test_the_new_start_is_forced(constraint: LintSeqConstraint) -> None:
    constraint.start_edit(lines(25))
    go(constraint, "@@ -12")
    assert forced_text(constraint) == ",0 +13"
    go(constraint, ",0 +13,40 @@\n" + "+x\n" * 40 + "@@ -17")
    assert forced_text(constraint) == ",0 +58"


def test_a_number_that_may_go_on_is_not_forced(constraint: LintSeqConstraint) -> None:
    constraint.start_edit(lines(25))
    go(constraint, "@@ -2")
    assert next_tokens(constraint) == {ord(","), *map(ord, "012345")}
    assert constraint.forced() == []


@pytest.mark.parametrize("count", [1, 2, 7, module.MAX_HUNK_LINES])
def test_as_many_lines_as_announced(constraint: LintSeqConstraint, count: int) -> None:
    constraint.start_edit(lines(0))
    go(constraint, "@@ -0,0 +1" + ("" if count == 1 else f",{count}") + " @@")
    for _ in range(count):
        go(constraint, "\n")
        assert next_tokens(constraint) == {ord("+")} == set(constraint.forced())
        go(constraint, "+x")
    go(constraint, "\n")
    assert next_tokens(constraint) == {DIFF_TOKEN} == set(constraint.forced())


@pytest.mark.parametrize("count", ["0", "1", "01", str(module.MAX_HUNK_LINES + 1), "1000"])
def test_counts_that_are_never_written(constraint: LintSeqConstraint, count: str) -> None:
    constraint.start_edit(lines(0))
    assert refusal(constraint, BYTES, f"@@ -0,0 +1,{count} @@") is not None


def test_a_second_hunk_comes_strictly_after_the_first(constraint: LintSeqConstraint) -> None:
    constraint.start_edit(lines(3))
    go(constraint, "@@ -1,0 +2 @@\n+x\n")
    assert next_tokens(constraint) == {DIFF_TOKEN, ord("@")}
    go(constraint, "@@ -")
    assert next_tokens(constraint) == {ord("2"), ord("3")}


def test_nothing_but_the_end_after_a_hunk_at_the_end(constraint: LintSeqConstraint) -> None:
    constraint.start_edit(lines(3))
    go(constraint, "@@ -3,0 +4 @@\n+x\n")
    assert next_tokens(constraint) == {DIFF_TOKEN} == set(constraint.forced())


def test_what_a_line_may_hold(constraint: LintSeqConstraint) -> None:
    constraint.start_edit(lines(0))
    go(constraint, "@@ -0,0 +1 @@\n+é\t\x0c\u2028+@@ -1 <")
    assert {ord("\r"), DIFF_TOKEN, END_TOKEN, 0x80, 0xFF}.isdisjoint(next_tokens(constraint))
    spelled_out = [ord(character) for character in "|diff|>\n"]
    for token in spelled_out:  # the separator is text then
        assert constraint.allows(token)
        constraint.consume(token)
    assert DIFF_TOKEN in next_tokens(constraint)


def test_half_a_character_must_be_finished(constraint: LintSeqConstraint) -> None:
    constraint.start_edit(lines(0))
    go(constraint, "@@ -0,0 +1 @@\n+")
    constraint.consume(0xE2)
    assert next_tokens(constraint) == set(range(0x80, 0xC0))


def test_whatever_is_written_from_the_grammar_is_read_back(constraint: LintSeqConstraint) -> None:
    constraint.start_edit(lines(2))
    text = "@@ -0,0 +1,2 @@\n++\n+\n"
    go(constraint, text)
    go(constraint, "@@ -2,0 +5 @@\n+@@\n")
    buffer = Buffer(["a", "b"])
    LINTSEQ.read(text + "@@ -2,0 +5 @@\n+@@\n", buffer)
    assert buffer.lines == ("+", "", "a", "b", "@@")


class TestWrittenLengths:
    @pytest.fixture
    def constraint(self) -> LintSeqConstraint:
        return LintSeqConstraint(*BYTES.arguments, lengths="written")

    @pytest.mark.parametrize("announced", ["", ",2", ",7", f",{module.MAX_HUNK_LINES}"])
    @pytest.mark.parametrize("written", [1, 2, 6, module.MAX_HUNK_LINES])
    def test_the_body_decides(
        self, constraint: LintSeqConstraint, announced: str, written: int
    ) -> None:
        constraint.start_edit(lines(3))
        text = f"@@ -2,0 +3{announced} @@\n" + "+x\n" * written
        go(constraint, text)
        goes_on = set() if written == module.MAX_HUNK_LINES else {ord("+")}
        assert next_tokens(constraint) == goes_on | {DIFF_TOKEN, ord("@")}
        count = "" if written == 1 else f",{written}"
        mended = text.replace(announced + " @@", count + " @@")
        for token in (DIFF_TOKEN, ord("@")):
            mending = constraint.mending(token)
            assert (mending is None) == (text == mended)
            if mending is not None:
                assert mending.header == Header(2, 0, 2, written)
                assert mending.announced == text.split("\n")[0]
                assert mending.mend(text) == mended
        if goes_on:
            assert constraint.mending(ord("+")) is None

    def test_within_a_line_nothing_is_mended(self, constraint: LintSeqConstraint) -> None:
        constraint.start_edit(lines(3))
        go(constraint, "@@ -2,0 +3,5 @@\n+x\n+@@")
        assert DIFF_TOKEN not in next_tokens(constraint)
        assert constraint.mending(ord("@")) is None

    def test_later_hunks_follow_what_was_written(self, constraint: LintSeqConstraint) -> None:
        constraint.start_edit(lines(3))
        first = "@@ -1,0 +2,50 @@\n+x\n+y\n"
        second = "@@ -3,0 +6,9 @@\n+z\n"
        go(constraint, first + "@@ -")
        assert next_tokens(constraint) == {ord("2"), ord("3")}
        go(constraint, "3")
        assert forced_text(constraint) == ",0 +6"
        go(constraint, ",0 +6,9 @@\n+z\n")
        mending = constraint.mending(DIFF_TOKEN)
        assert mending is not None
        assert mending.mend(first.replace(",50", ",2") + second) == (
            "@@ -1,0 +2,2 @@\n+x\n+y\n@@ -3,0 +6 @@\n+z\n"
        )

    def test_a_token_may_reach_from_line_to_line(self) -> None:
        vocabulary = made_vocabulary([b"\n+", b"@@\n+x\n+", b"\n@@ -", b"\n<|diff|>"])
        glued, line, header, separator = (
            vocabulary.pieces.index(piece)
            for piece in [
                b"\n+",
                b"@@\n+x\n+",
                b"\n@@ -",
                b"\n<|diff|>",
            ]
        )
        constraint = LintSeqConstraint(*vocabulary.arguments, lengths="written")
        constraint.start_edit(lines(3))
        for token in [*b"@@ -1,0 +2 ", line, ord("y"), glued, ord("z")]:
            assert constraint.allows(token)
            constraint.consume(token)
        # The end of a hunk and what follows are never in one token.
        mask = constraint.mask()
        assert not any(constraint.allows(token) or mask[token] for token in (header, separator))
        constraint.consume(ord("\n"))
        mending = constraint.mending(vocabulary.diff)
        assert mending is not None
        assert mending.header.new_count == 3


def test_a_mending_for_another_text_is_refused() -> None:
    with pytest.raises(ValueError, match="at 1 of"):
        Mending(1, "@@ -1 +1 @@", Header(0, 1, 0, 1)).mend("@@ -1 +1 @@\n")
