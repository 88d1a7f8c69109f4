"""Whatever the texts: diff, write, cut anywhere, read, and the second text is back."""

from __future__ import annotations

import difflib
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ondevice.edits import LINTSEQ, UNIFIED, Buffer, Dialect, EditRead, SequenceEnded, diff
from ondevice.edits.unified import Unified
from ondevice.errors import EditError

from .strategies import cuts, few, histories, lines, pieces, plain_lines, read


def check_history(dialect: Dialect, versions: list[Buffer], context: int, sizes: list[int]) -> None:
    edits = [
        edit for before, after in pairwise(versions) if (edit := diff(before, after, context)).hunks
    ]
    text = dialect.write_sequence(edits)
    whole, cut = versions[0].copy(), versions[0].copy()
    events = read(dialect.reader(whole), [text])

    assert read(dialect.reader(cut), pieces(text, sizes)) == events
    assert [event.edit for event in events if isinstance(event, EditRead)] == edits
    assert whole.text == cut.text == versions[-1].text
    assert whole.version == len(edits)
    assert (SequenceEnded() in events) == (dialect is LINTSEQ)

    for version in reversed(versions):
        if version.text != whole.text:
            whole.take_back()
        assert whole.text == version.text


@few
@given(histories(), cuts)
def test_lintseq(versions: list[Buffer], sizes: list[int]) -> None:
    check_history(LINTSEQ, versions, 0, sizes)


@few
@given(histories(), cuts, st.integers(0, 3))
def test_unified(versions: list[Buffer], sizes: list[int], context: int) -> None:
    check_history(UNIFIED, versions, context, sizes)


@few
@given(histories(), cuts, st.integers(0, 3))
def test_unified_with_the_line_ends_of_the_file(
    versions: list[Buffer], sizes: list[int], context: int
) -> None:
    check_history(Unified("a b.py", versions[0].newline), versions, context, sizes)


@few
@given(histories())
def test_lintseq_with_line_ends_of_windows(versions: list[Buffer]) -> None:
    before, after = versions[:2]
    text = LINTSEQ.write_sequence([diff(before, after)]) if before.text != after.text else ""
    if before.newline == "\r\n":
        LINTSEQ.read(text.replace("\n", "\r\n"), before)
        assert before.text == after.text


@few
@given(plain_lines, plain_lines, st.integers(0, 3))
def test_agreement_with_difflib(before: list[str], after: list[str], context: int) -> None:
    theirs = list(difflib.unified_diff(before, after, n=context, lineterm=""))
    edit = diff(before, after, context)
    assert UNIFIED.write(edit).split("\n")[2:-1] == theirs[2:]
    if not context:
        assert LINTSEQ.write(edit) == "\n".join(theirs[2:])


def test_agreement_with_difflib_on_a_long_text_with_popular_lines() -> None:
    before = [str(number % 7) for number in range(500)]
    after = [line for number, line in enumerate(before) if number % 11] + ["end"]
    theirs = list(difflib.unified_diff(before, after, n=0, lineterm=""))
    assert LINTSEQ.write(diff(before, after)) == "\n".join(theirs[2:])


@few
@given(histories(), cuts)
def test_preview_without_its_new_lines_is_the_buffer(
    versions: list[Buffer], sizes: list[int]
) -> None:
    before = versions[0]
    after = Buffer(
        [line for text in before.lines for line in ("new", text)] + ["last"],
        newline=before.newline,
        bom=before.bom,
    )
    if not before.final_newline:
        before.apply(diff(before, Buffer(before.lines, newline=before.newline, bom=before.bom)))
    lines = before.lines
    reader = LINTSEQ.reader(before)
    for part in pieces(LINTSEQ.write(diff(before, after)), sizes):
        reader.feed(part)
        assert tuple(text for text, is_new in reader.preview if not is_new) == lines
    assert [text for text, _ in reader.preview] == list(after.lines)
    reader.close()
    assert reader.preview == [(text, False) for text in after.lines]


def outcome(dialect: Dialect, buffer: Buffer, parts: list[str]) -> object:
    try:
        return read(dialect.reader(buffer), parts)
    except EditError as error:
        return type(error), str(error), error.hunk, error.line, error.nearest


@few
@given(histories(), cuts, st.sampled_from([LINTSEQ, UNIFIED]), st.data())
def test_damaged_text_ends_the_same_however_it_is_cut(
    versions: list[Buffer], sizes: list[int], dialect: Dialect, data: st.DataObject
) -> None:
    edits = [diff(a, b) for a, b in pairwise(versions)]
    rows = dialect.write_sequence([edit for edit in edits if edit.hunks]).split("\n")
    row = data.draw(st.integers(0, len(rows) - 1))
    rows[row : row + data.draw(st.integers(0, 2))] = data.draw(st.lists(lines, max_size=2))
    text = "\n".join(rows)

    whole, cut = versions[0].copy(), versions[0].copy()
    assert outcome(dialect, whole, [text]) == outcome(dialect, cut, pieces(text, sizes))
    assert (whole.text, whole.version) == (cut.text, cut.version)
