"""The LintSeq constraint: what may come next, byte by byte."""

from __future__ import annotations

import time

import pytest

from ondevice.backends.scripted import DIFF_TOKEN, END_TOKEN, ScriptedBackend
from ondevice.decoding.constraints import LintSeqConstraint
from ondevice.decoding.constraints import lintseq as module
from ondevice.edits import LINTSEQ, Buffer

BACKEND = ScriptedBackend("")


@pytest.fixture
def constraint() -> LintSeqConstraint:
    return LintSeqConstraint(BACKEND.constraint_tokenizer(), BACKEND.vocab_size, BACKEND.end_tokens)


def lines(count: int) -> Buffer:
    return Buffer(["x"] * count)


def allowed(constraint: LintSeqConstraint) -> set[int]:
    """What the mask allows; every token must agree."""
    mask = constraint.mask()
    found = {token for token in range(len(mask)) if mask[token]}
    assert found == {token for token in range(len(mask)) if constraint.allows(token)}
    return found


def go(constraint: LintSeqConstraint, text: str) -> None:
    for token in BACKEND.tokenize(text):
        assert constraint.allows(token), (text, token)
        constraint.consume(token)


def refuses(constraint: LintSeqConstraint, text: str) -> bool:
    for token in BACKEND.tokenize(text):
        if not constraint.allows(token):
            return True
        constraint.consume(token)
    return False


def forced_text(constraint: LintSeqConstraint) -> str:
    return b"".join(map(BACKEND.token_bytes, constraint.forced())).decode()


def test_an_empty_buffer_allows_one_start(constraint: LintSeqConstraint) -> None:
    constraint.start_edit(lines(0))
    assert allowed(constraint) == {ord("@")}
    assert forced_text(constraint) == "@@ -0,0 +1"


def test_a_sequence_may_end_once_there_is_something(constraint: LintSeqConstraint) -> None:
    constraint.start_edit(lines(3))
    assert allowed(constraint) == {ord("@"), ord("\n"), END_TOKEN}
    assert constraint.forced() == []
    go(constraint, "\n")
    assert allowed(constraint) == {DIFF_TOKEN} == set(constraint.forced())


def test_the_end_is_no_longer_allowed_within_an_edit(constraint: LintSeqConstraint) -> None:
    constraint.start_edit(lines(3))
    go(constraint, "@")
    assert not constraint.allows(END_TOKEN)
    assert not constraint.mask()[END_TOKEN]


@pytest.mark.parametrize(("rows", "digits"), [(0, "0"), (3, "0123"), (9, "0123456789")])
def test_positions_within_the_buffer(constraint: LintSeqConstraint, rows: int, digits: str) -> None:
    constraint.start_edit(lines(rows))
    go(constraint, "@@ -")
    assert allowed(constraint) == set(map(ord, digits))


def test_the_new_start_is_forced(constraint: LintSeqConstraint) -> None:
    constraint.start_edit(lines(25))
    go(constraint, "@@ -12")
    assert forced_text(constraint) == ",0 +13"
    constraint.start_hunk(5, 40)
    go(constraint, "@@ -7")
    assert forced_text(constraint) == ",0 +48"


def test_a_number_that_may_go_on_is_not_forced(constraint: LintSeqConstraint) -> None:
    constraint.start_edit(lines(25))
    go(constraint, "@@ -2")
    assert allowed(constraint) == {ord(","), *map(ord, "012345")}
    assert constraint.forced() == []


@pytest.mark.parametrize("count", [1, 2, 7, module.MAX_HUNK_LINES])
def test_as_many_lines_as_announced(constraint: LintSeqConstraint, count: int) -> None:
    constraint.start_edit(lines(0))
    go(constraint, "@@ -0,0 +1" + ("" if count == 1 else f",{count}") + " @@")
    for _ in range(count):
        go(constraint, "\n")
        assert allowed(constraint) == {ord("+")} == set(constraint.forced())
        assert not constraint.hunk_is_over
        go(constraint, "+x")
    go(constraint, "\n")
    assert constraint.hunk_is_over


@pytest.mark.parametrize("count", ["0", "1", "01", str(module.MAX_HUNK_LINES + 1), "1000"])
def test_counts_that_are_never_written(constraint: LintSeqConstraint, count: str) -> None:
    constraint.start_edit(lines(0))
    assert refuses(constraint, f"@@ -0,0 +1,{count} @@")


def test_a_second_hunk_comes_strictly_after_the_first(constraint: LintSeqConstraint) -> None:
    constraint.start_edit(lines(3))
    go(constraint, "@@ -1,0 +2 @@\n+x\n")
    constraint.start_hunk(2, 1)
    assert allowed(constraint) == {DIFF_TOKEN, ord("@")}
    go(constraint, "@@ -")
    assert allowed(constraint) == {ord("2"), ord("3")}


def test_nothing_but_the_end_after_a_hunk_at_the_end(constraint: LintSeqConstraint) -> None:
    constraint.start_edit(lines(3))
    constraint.start_hunk(4, 1)
    assert allowed(constraint) == {DIFF_TOKEN} == set(constraint.forced())


def test_what_a_line_may_hold(constraint: LintSeqConstraint) -> None:
    constraint.start_edit(lines(0))
    go(constraint, "@@ -0,0 +1 @@\n+é\t\x0c\u2028+@@ -1 <")
    assert {ord("\r"), DIFF_TOKEN, END_TOKEN, 0x80, 0xFF}.isdisjoint(allowed(constraint))
    go(constraint, "|diff|>\n")  # spelled out, the separator is text
    assert constraint.hunk_is_over


def test_half_a_character_must_be_finished(constraint: LintSeqConstraint) -> None:
    constraint.start_edit(lines(0))
    go(constraint, "@@ -0,0 +1 @@\n+")
    constraint.consume(0xE2)
    assert allowed(constraint) == set(range(0x80, 0xC0))


def test_whatever_is_written_from_the_grammar_is_read_back(constraint: LintSeqConstraint) -> None:
    constraint.start_edit(lines(2))
    text = "@@ -0,0 +1,2 @@\n++\n+\n"
    go(constraint, text)
    constraint.start_hunk(1, 2)
    go(constraint, "@@ -2,0 +5 @@\n+@@\n")
    buffer = Buffer(["a", "b"])
    LINTSEQ.read(text + "@@ -2,0 +5 @@\n+@@\n", buffer)
    assert buffer.lines == ("+", "", "a", "b", "@@")


def test_a_grammar_for_a_long_buffer_is_made_quickly(constraint: LintSeqConstraint) -> None:
    """About 3 to 4 ms on one quiet core for 200 lines; the bound only catches another order."""
    times = []
    for _ in range(10):
        start = time.perf_counter()
        constraint.start_hunk(0, 0)
        constraint.start_edit(lines(200))
        times.append(time.perf_counter() - start)
    assert min(times) < 0.03
