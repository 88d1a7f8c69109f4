"""From a file of programs to a file of sequences, whatever the rows hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ondevice.cli import main
from ondevice.edits import LINTSEQ, Buffer
from ondevice.errors import DataError, DependencyError
from ondevice.lintseq import Summary, linters, refactor_file

GOOD = "def f(a):\n    b = a + 1\n    return b\n\n\nprint(f(1))\n"
OTHER = "for i in range(3):\n    if i:\n        print(i)\n"


def write(path: Path, *rows: Any) -> Path:
    """Write rows: texts as they are, all else as JSON."""
    texts = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8", newline="")
    return path


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


def rejected(target: Path) -> list[dict[str, Any]]:
    return read(target.with_name(target.name + ".rejected.jsonl"))


def test_rows_keep_their_columns(tmp_path: Path, target: Path) -> None:
    source = write(tmp_path / "in.jsonl", {"id": 7, "program": GOOD, "tags": ["a", None]})
    summary = refactor_file(source, target)
    (row,) = read(target)
    assert list(row) == ["id", "program", "tags", "edits", "sequence"]
    assert (row["id"], row["tags"], row["program"]) == (7, ["a", None], GOOD)
    buffer = Buffer()
    edits = LINTSEQ.read(row["sequence"], buffer)
    assert buffer.text == GOOD
    assert row["edits"] == [LINTSEQ.write(edit) for edit in edits]
    assert (summary.rows, summary.sequences, summary.rejected.total()) == (1, 1, 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", "out.jsonl"]


def test_several_programs_and_samples(tmp_path: Path, target: Path) -> None:
    source = write(tmp_path / "in.jsonl", {"programs": [GOOD, OTHER]}, {"code": OTHER})
    assert str(refactor_file(source, target, samples=3, field="code")) == "2 rows, 9 sequences"
    assert [row["code"] for row in read(target)] == [GOOD] * 3 + [OTHER] * 6
    assert len({row["sequence"] for row in read(target)[:3]}) > 1  # the samples differ


def test_a_seed_decides_by_the_number_of_the_row(tmp_path: Path, target: Path) -> None:
    def sequences(*rows: Any, seed: int = 0) -> list[str]:
        refactor_file(write(tmp_path / "in.jsonl", *rows), target, seed=seed, samples=4)
        return [row["sequence"] for row in read(target)]

    good = {"program": GOOD}
    first = sequences(good, good)
    assert first == sequences(good, good)
    assert first[4:] == sequences("broken", good)
    assert first[:4] == sequences(good, {"program": OTHER})[:4]
    assert first != sequences(good, good, seed=1)


REJECTED = [
    ("{", None, "no JSON", "Expecting"),
    ("[1]", None, "no JSON", "no JSON object"),
    ("[" * 100_000, None, "no JSON", ""),
    ({"text": "x"}, None, "no program", "no column 'program' and no 'programs'"),
    ({"program": 3}, None, "no program", "no text"),
    ({"program": None}, None, "no program", "no text"),
    ({"programs": []}, None, "no program", "no list of programs"),
    ({"programs": GOOD}, None, "no program", "no list of programs"),
    ({"program": GOOD, "edits": []}, None, "column taken", "'edits'"),
    ({"program": ""}, 0, "unfit", "empty"),
    ({"program": "print(x)"}, 0, "unfit", "line 1"),
    ({"program": "a = 1\rb = 2\n"}, 0, "unfit", "carriage return"),
    ({"program": "x = '\ud800'"}, 0, "unfit", "line 1"),
    ({"program": "a" + ".b" * 200_000}, 0, "linter failed", "nested too deeply"),
]


@pytest.mark.parametrize(("row", "program", "kind", "reason"), REJECTED)
def test_a_row_that_cannot_be_used(
    tmp_path: Path, target: Path, row: Any, program: int | None, kind: str, reason: str
) -> None:
    summary = refactor_file(write(tmp_path / "in.jsonl", "", row, {"program": GOOD}), target)
    assert (summary.rows, summary.sequences, dict(summary.rejected)) == (2, 1, {kind: 1})
    (found,) = rejected(target)
    assert (found["row"], found["program"], found["kind"]) == (2, program, kind)
    assert reason in found["reason"]


def test_bytes_that_are_no_text(tmp_path: Path, target: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_bytes(b'{"program": "\xff"}\n\xef\xbb\xbf{"program": "x = 1"}')
    summary = refactor_file(source, target)
    assert (summary.sequences, dict(summary.rejected)) == (1, {"no JSON": 1})


def test_one_program_of_a_row_does_not_take_the_others_along(tmp_path: Path, target: Path) -> None:
    source = write(tmp_path / "in.jsonl", {"programs": ["x = (", GOOD, "print(y)"]})
    assert refactor_file(source, target).sequences == 1
    assert [row["program"] for row in rejected(target)] == [0, 2]


def test_a_linter_that_crashes(
    tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fragile(program: str) -> list[int]:
        if "range" in program:
            raise KeyError("oh")
        return []

    monkeypatch.setitem(linters.LINTERS, "fragile", fragile)
    source = write(tmp_path / "in.jsonl", {"program": OTHER}, {"program": GOOD})
    assert refactor_file(source, target, linter="fragile", workers=0).sequences == 1
    assert rejected(target)[0]["reason"] == "KeyError: 'oh'"


def test_a_linter_that_is_not_installed_ends_the_run(
    tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(program: str) -> list[int]:
        raise DependencyError("pip install it")

    monkeypatch.setitem(linters.LINTERS, "missing", missing)
    source = write(tmp_path / "in.jsonl", {"program": GOOD})
    with pytest.raises(DependencyError):
        refactor_file(source, target, linter="missing", workers=0)
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


def test_windows_line_ends_are_normalized_and_counted(tmp_path: Path, target: Path) -> None:
    source = write(tmp_path / "in.jsonl", {"program": GOOD.replace("\n", "\r\n")})
    summary = refactor_file(source, target, samples=2)
    assert summary.normalized == 1
    assert [row["program"] for row in read(target)] == [GOOD, GOOD]


def test_other_alphabets_survive(tmp_path: Path, target: Path) -> None:
    row = {"ü": "日本 \u2028", "half": "\ud800", "program": "x = 'é\u2028'\n"}
    refactor_file(write(tmp_path / "in.jsonl", row), target)
    assert {name: read(target)[0][name] for name in row} == row


@pytest.mark.parametrize("linter", ["none", "fast"])
def test_plain_programs_are_one_edit(tmp_path: Path, target: Path, linter: str) -> None:
    rows = [{"id": 1, "program": GOOD}, {"id": 2, "program": "print(x)"}]
    source = write(tmp_path / "in.jsonl", *rows)
    assert main(["lintseq", str(source), str(target), "--format", "plain", "--linter", linter]) == 0
    made = read(target)
    # The linter still has its say, so that the baseline has the programs that the edits have.
    assert [row["id"] for row in made] == ([1, 2] if linter == "none" else [1])
    assert list(made[0]) == ["id", "program", "edits", "sequence"]
    (edit,) = made[0]["edits"]
    assert edit == "@@ -0,0 +1,6 @@\n" + "\n".join(f"+{line}" for line in GOOD.splitlines())
    buffer = Buffer()
    LINTSEQ.read(made[0]["sequence"], buffer)
    assert buffer.text == GOOD


def test_random_edits_need_no_linter(tmp_path: Path, target: Path) -> None:
    source = write(tmp_path / "in.jsonl", {"program": "def f(:\n  x\ny ="})
    refactor_file(source, target, linter="none")
    buffer = Buffer()
    LINTSEQ.read(read(target)[0]["sequence"], buffer)
    assert buffer.text == "def f(:\n  x\ny =\n"


def test_answers_in_markdown(tmp_path: Path, target: Path) -> None:
    text = "Sure:\r\n```python\r\nx = 1\r\n```\r\nand\r\n```python\r\nprint(x)\r\n```"
    source = write(tmp_path / "in.jsonl", {"answer": text}, {"answer": "Sorry, I cannot."})
    summary = refactor_file(source, target, field="answer")
    assert [row["answer"] for row in read(target)] == ["x = 1\n\n\nprint(x)\n"]
    assert dict(summary.rejected) == {"unfit": 1}


def test_what_is_too_large(tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ondevice.lintseq.formats.jsonl.MAX_LINE", 5000)
    rows = [{"program": GOOD}, {"program": "#" * 2000 + "\nx = 1"}, {"program": "#" * 6000}]
    source = write(tmp_path / "in.jsonl", *rows, {"program": GOOD})
    summary = refactor_file(source, target, max_size=1000, part_rows=3)
    assert (summary.rows, summary.sequences, dict(summary.rejected)) == (4, 2, {"too large": 2})
    reasons = [(row["row"], row["program"], row["reason"]) for row in rejected(target)]
    assert reasons[0] == (2, 0, "the program has 2006 characters, more than 1000")
    assert reasons[1][:2] == (3, None)


def test_a_long_line_is_a_row_like_others(tmp_path: Path, target: Path) -> None:
    rows = [{"program": GOOD, "note": "x" * 3_000_000}, {"program": "x = '\0'"}, {"program": GOOD}]
    summary = refactor_file(write(tmp_path / "in.jsonl", *rows), target)
    assert (summary.sequences, dict(summary.rejected)) == (2, {"unfit": 1})
    assert len(read(target)[0]["note"]) == 3_000_000


def test_progress(tmp_path: Path, target: Path) -> None:
    source = write(tmp_path / "in.jsonl", {"program": GOOD}, "", "broken")
    calls: list[tuple[int, int]] = []
    refactor_file(source, target, on_progress=lambda *numbers: calls.append(numbers))
    size = source.stat().st_size
    assert [total for _, total in calls] == [size, size]
    assert calls[0][0] < calls[1][0] == size


class TestFiles:
    def test_an_interrupted_run_leaves_what_was_there(self, tmp_path: Path, target: Path) -> None:
        def interrupt(*numbers: int) -> None:
            raise KeyboardInterrupt

        target.write_text("before")
        source = write(tmp_path / "in.jsonl", "broken")
        with pytest.raises(KeyboardInterrupt):
            refactor_file(source, target, on_progress=interrupt)
        assert target.read_text() == "before"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", "out.jsonl"]

    def test_rejections_of_an_earlier_run_go(self, tmp_path: Path, target: Path) -> None:
        refactor_file(write(tmp_path / "in.jsonl", "broken"), target)
        assert rejected(target)
        refactor_file(write(tmp_path / "in.jsonl", {"program": GOOD}), target)
        assert not target.with_name("out.jsonl.rejected.jsonl").exists()

    @pytest.mark.parametrize("name", ["out.jsonl", "out.jsonl.rejected.jsonl"])
    def test_the_source_is_not_overwritten(self, tmp_path: Path, target: Path, name: str) -> None:
        source = write(tmp_path / name, {"program": GOOD})
        with pytest.raises(DataError, match="would be overwritten"):
            refactor_file(source, target)
        assert read(source) == [{"program": GOOD}]

    def test_no_source(self, tmp_path: Path, target: Path) -> None:
        with pytest.raises(FileNotFoundError):
            refactor_file(tmp_path / "none.jsonl", target)
        assert list(tmp_path.iterdir()) == []

    def test_settings_that_cannot_be(self, tmp_path: Path, target: Path) -> None:
        source = write(tmp_path / "in.jsonl", {"program": GOOD})
        with pytest.raises(DataError, match="no linter"):
            refactor_file(source, target, linter="nope")
        with pytest.raises(DataError, match="samples"):
            refactor_file(source, target, samples=0)
        mistakes: list[tuple[str, dict[str, Any]]] = [
            ("one sequence only", {"format": "plain", "samples": 2}),
            ("no format", {"format": "odd"}),
            ("no engine", {"engine": "odd"}),
            ("largest size", {"max_size": 0}),
            ("limit", {"timeout": 0}),
            ("limit", {"timeout": float("nan")}),
            ("workers", {"workers": -1}),
            ("1 row", {"part_rows": 0}),
            ("another field", {"field": "edits"}),
        ]
        for message, options in mistakes:
            with pytest.raises(DataError, match=message):
                refactor_file(source, target, **options)
        assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


def test_a_summary_says_it_in_one_line() -> None:
    summary = Summary(rows=4, sequences=2, normalized=1)
    summary.rejected.update(["unfit", "unfit", "no JSON"])
    assert str(summary) == (
        r"4 rows, 2 sequences, 1 programs with \r\n made \n, 3 rejected (unfit: 2, no JSON: 1)"
    )


def test_the_command(tmp_path: Path, target: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write(tmp_path / "in.jsonl", {"program": GOOD}, "broken")
    assert main(["lintseq", str(source), str(target)]) == 0
    assert capsys.readouterr() == ("", "2 rows, 1 sequences, 1 rejected (no JSON: 1)\n")
    assert main(["lintseq", str(tmp_path / "none"), str(target)]) == 2
    assert "none: No such file" in capsys.readouterr().err
