"""Edit sequences are read back, row by row, and what is wrong with one is said."""

from __future__ import annotations

import gzip
import itertools
import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondevice.edits import LINTSEQ, Edit, Hunk, Line, diff
from ondevice.errors import CheckError, DataError, DiffSyntaxError
from ondevice.lintseq import linters, refactor
from ondevice.lintseq.corpus import refactor_file
from ondevice.lintseq.history import History
from ondevice.lintseq.reference_resolver import Fault, faults_that_change, resolve
from ondevice.lintseq.replay import LISTED, Report, verify_file

PROGRAM = "def double(value):\n    total = value * 2\n    return total\n\n\nprint(double(3))\n"


def row(program: str = PROGRAM, seed: int = 0) -> dict[str, Any]:
    edits = refactor(program, random.Random(seed))
    return {
        "program": program,
        "edits": [LINTSEQ.write(edit) for edit in edits],
        "sequence": LINTSEQ.write_sequence(edits),
    }


def by_states(*states: str) -> dict[str, Any]:
    """A row whose sequence goes through these states."""
    texts = [state.split("\n")[:-1] for state in ("", *states)]
    edits = [diff(before, after) for before, after in itertools.pairwise(texts)]
    return {"program": states[-1], "sequence": LINTSEQ.write_sequence(edits)}


def verify(folder: Path, rows: Iterable[object], **options: Any) -> Report:
    path = folder / "sequences.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    return verify_file(path, **options)


def test_what_the_corpus_maker_writes_is_right(tmp_path: Path) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(
        "".join(json.dumps({"program": f"x = {n}\n{PROGRAM}"}) + "\n" for n in (1, 2))
    )
    refactor_file(source, target, samples=3)
    seen: list[tuple[int, int]] = []
    report = verify_file(target, on_progress=lambda done, size: seen.append((done, size)))
    assert report.ok
    assert (report.rows, report.sequences) == (6, 6)
    assert report.states > 6
    assert report.problems == []
    assert seen[-1] == (target.stat().st_size, target.stat().st_size)
    assert str(report).split("\n")[0] == f"6 rows, 6 sequences, {report.states} states"


def test_columns_by_themselves(tmp_path: Path) -> None:
    whole = row()
    rows = [{k: v for k, v in whole.items() if k != left_out} for left_out in ("edits", "sequence")]
    assert verify(tmp_path, rows).ok
    renamed = [{**whole, "code": PROGRAM, "program": None}]
    assert verify(tmp_path, renamed, field="code").ok


def test_gzip(tmp_path: Path) -> None:
    path = tmp_path / "sequences.jsonl.gz"
    text = (json.dumps(row()) + "\n").encode()
    path.write_bytes(gzip.compress(text) + gzip.compress(text))
    assert verify_file(path).sequences == 2
    path.write_bytes(gzip.compress(text)[:-20])
    with pytest.raises(DataError, match="damaged"):
        verify_file(path)
    path.write_bytes(text)
    with pytest.raises(DataError, match="damaged"):
        verify_file(path)


def test_parquet(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "sequences.parquet"
    rows = [{**row(seed=seed), "other": seed} for seed in range(100)]
    parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    report = verify_file(path)
    assert report.ok
    assert report.rows == 100
    path.write_text("no Parquet")
    with pytest.raises(DataError, match="no table that can be read"):
        verify_file(path)


def test_a_folder_of_datasets(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.Table.from_pylist([row(seed=seed) for seed in range(70)])
    for split in ("train", "test"):
        folder = tmp_path / "corpus" / split
        folder.mkdir(parents=True)
        with pyarrow.ipc.new_stream(folder / "data.arrow", table.schema) as stream:
            stream.write_table(table)
        (folder / "state.json").write_text('{"_data_files": [{"filename": "data.arrow"}]}')
    assert verify_file(folder).sequences == 70
    (tmp_path / "corpus" / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    report = verify_file(tmp_path / "corpus")
    assert report.ok
    assert report.sequences == 140
    (folder / "state.json").write_text("{}")
    with pytest.raises(DataError, match="no table that can be read"):
        verify_file(folder)


class TestWhatIsWrong:
    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            ("{", "the row is no JSON"),
            ("[]", "the row is no JSON object"),
            ("{}", "no program in a column 'program'"),
            ('{"program": "x = 1\\n"}', "no text in a column 'sequence'"),
            ('{"program": "x = 1\\n", "edits": "x"}', "'edits' is no list of texts"),
            ('{"program": "x", "edits": [], "sequence": "x"}', "'edits' and 'sequence' differ"),
        ],
    )
    def test_an_unusable_row(self, tmp_path: Path, line: str, reason: str) -> None:
        path = tmp_path / "sequences.jsonl"
        path.write_text(f"{json.dumps(row())}\n\n{line}\n")
        report = verify_file(path)
        assert not report.ok
        assert (report.rows, report.sequences, report.unusable_rows) == (2, 1, 1)
        assert report.problems[0].row == 3
        assert reason in report.problems[0].reason

    @pytest.mark.parametrize(
        ("sequence", "reason"),
        [
            ("@@ -0,0 +1 @@\n+x = 1\n<|diff|>", "breaks off"),
            ("@@ -0,0 +1 @@\n+x = 1\n", "breaks off"),
            ("@@ -4,0 +5 @@\n+x = 1\n<|diff|>\n<|diff|>", "the buffer has 0 lines"),
            ("@@ -0,0 +1,2 @@\n+x = 1\n<|diff|>\n<|diff|>", "hunk 1"),
            ("@@ -0,0 +1 @@\n+x = 1\n<|diff|>\n<|diff|>more\n", "after the end"),
            ("x = 1\n", "header"),
        ],
    )
    def test_a_sequence_that_does_not_replay(
        self, tmp_path: Path, sequence: str, reason: str
    ) -> None:
        report = verify(tmp_path, [{"program": "x = 1\n", "sequence": sequence}])
        assert not report.ok
        assert (report.sequences, report.not_replayed, report.states) == (1, 1, 0)
        assert report.problems[0].reason.startswith("does not replay: ")
        assert reason in report.problems[0].reason

    @pytest.mark.parametrize(
        ("program", "reason"),
        [
            ("x = 2\n", "line 1 is 'x = 1', not 'x = 2'"),
            ("x = 1", "it has 2 lines, not 1"),
            ("x = 1\r\n", r"line 1 is 'x = 1', not 'x = 1\r'"),
        ],
    )
    def test_another_end(self, tmp_path: Path, program: str, reason: str) -> None:
        report = verify(tmp_path, [by_states("x = 1\n") | {"program": program}])
        assert not report.ok
        assert report.other_ends == 1
        assert report.problems[0].reason == f"ends in another program: {reason}"

    def test_a_state_with_an_error(self, tmp_path: Path) -> None:
        report = verify(tmp_path, [row(), by_states("y = x\n", "x = 1\ny = x\n")])
        assert not report.ok
        assert report.states_with_findings == 1
        assert report.problems == [(2, "after edit 1, line 1: undefined name 'x'")]
        assert verify(tmp_path, [by_states("y = x\n", "x = 1\ny = x\n")], linter="none").ok

    def test_what_the_program_has_at_that_line_does_not_count(self, tmp_path: Path) -> None:
        assert verify(tmp_path, [by_states("y = x\n", "z = 1\ny = x\n")]).ok
        report = verify(tmp_path, [by_states("y = x\n", "y = x\nx = x\n")])
        assert report.ok  # of the end, only what it has itself
        moved = by_states("y = x\n", "x = 1\ny = x\nprint(nowhere)\n")
        assert verify(tmp_path, [moved]).states_with_findings == 1

    def test_a_line_that_is_removed_again(self, tmp_path: Path) -> None:
        report = verify(tmp_path, [by_states("x = 1\nprint(y)\n", "x = 1\n")])
        assert (report.states, report.states_with_findings) == (2, 1)

    def test_the_first_problems_are_listed(self, tmp_path: Path) -> None:
        report = verify(tmp_path, [by_states("x = 1\n") | {"program": ""}] * (LISTED + 5))
        assert report.other_ends == LISTED + 5
        assert [problem.row for problem in report.problems] == list(range(1, LISTED + 1))

    def test_a_linter_that_cannot_judge(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(program: str) -> list[int]:
            raise CheckError("broken")

        monkeypatch.setitem(linters.LINTERS, "broken", broken)
        report = verify(tmp_path, [by_states("x = 1\n")], linter="broken")
        assert not report.ok
        assert report.states_not_judged == 1
        assert "could not judge: 1" in str(report)

    def test_an_unknown_linter(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="no linter is called 'flake8'"):
            verify(tmp_path, [], linter="flake8")


class TestHistory:
    def test_lines_keep_their_identity(self) -> None:
        edits = [
            Edit((Hunk(0, (Line("+", "a"), Line("+", "b"))),)),
            Edit((Hunk(0, (Line("+", "b"),)), Hunk(1, (Line("-", "b"), Line("+", "c"))))),
            Edit((Hunk(3, (Line("+", "a"),)),)),
        ]
        history = History(edits)
        assert history.lines == ["b", "a", "c", "a"]
        assert list(history.states()) == [
            ("a\nb\n", [1, None]),
            ("b\na\nc\n", [0, 1, 2]),
            ("b\na\nc\na\n", [0, 1, 2, 3]),
        ]

    def test_no_edits(self) -> None:
        assert History([]).lines == []
        assert list(History([]).states()) == []


class TestThePublishedResolver:
    @pytest.mark.parametrize(
        ("diffs", "wrong", "fault"),
        [
            (["@@ -0,0 +1 @@\n+return None"], ["return N"], Fault.END_TOKEN),
            (["@@ -0,0 +1,2 @@\n+a\n+b = '@@'", "@@ -0,0 +1 @@\n+c"], ["c"], Fault.AT_SIGNS),
            (["@@ -0,0 +1 @@\n+a", "@@ -1 +1 @@\n-a\n+b"], ["a", "b", "a"], Fault.REMOVED),
            (["@@ -0,0 +1 @@\n++1"], ["1"], Fault.PLUS),
        ],
    )
    def test_faults(self, diffs: list[str], wrong: list[str], fault: Fault) -> None:
        assert resolve(diffs, (fault,)) == wrong
        assert faults_that_change(diffs) == [fault]

    @pytest.mark.parametrize(
        ("diffs", "right", "fault"),
        [
            (["@@ -0,0 +1,2 @@\n+a"], ["a"], Fault.COUNTS),
            (["@@ nowhere @@\n+a", "@@ -0,0 +1 @@\n+b"], ["b"], Fault.MALFORMED),
            (["@@ -0,0 +1 @@\n a"], [], Fault.MALFORMED),
        ],
    )
    def test_what_it_lets_pass(self, diffs: list[str], right: list[str], fault: Fault) -> None:
        with pytest.raises(DiffSyntaxError):
            resolve(diffs, ())
        assert resolve(diffs, (fault,)) == right

    @given(st.lists(st.lists(st.sampled_from(["a", "b", "+", "@@", "", "-x"]), min_size=1)))
    def test_without_faults_it_is_right(self, states: list[list[str]]) -> None:
        edits = [diff(*pair) for pair in itertools.pairwise([[], *states])]
        diffs = [LINTSEQ.write(edit) for edit in edits if edit.hunks]
        assert resolve(diffs, ()) == (states[-1] if diffs else [])

    def test_comparison(self, tmp_path: Path) -> None:
        plus = "print(\n    1\n+2\n)\n"
        rows = [
            by_states("x = 1\n"),
            by_states("x = None\n"),
            by_states("x = 'one'\n", f"{plus}x = 'one'\n"),
            by_states(f"{plus}x = None\n"),
            {"program": "x = 1\n", "sequence": "@@ -0,0 +1,2 @@\n+x = 1\n<|diff|>\n<|diff|>"},
        ]
        report = verify(tmp_path, rows, compat=True)
        assert report.comparison is not None
        assert report.comparison.differ == 3
        assert report.comparison.by_fault == {Fault.END_TOKEN: 2, Fault.PLUS: 2}
        assert report.comparison.refused == 1
        assert report.comparison.together == 0
        assert "published resolver: 3 sequences" in str(report)
        assert verify(tmp_path, rows).comparison is None
