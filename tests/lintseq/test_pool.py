"""Worker processes, and what may become of them; what comes out does not depend on it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ondevice.errors import CheckError, DataError, DependencyError
from ondevice.lintseq import Summary, linters, refactor_file
from ondevice.lintseq.pool import Pool
from ondevice.lintseq.rows import Problem, Row, Settings

pytestmark = pytest.mark.usefixtures("hostile_linters")


def program(number: int, comment: str = "") -> str:
    return f"def f{number}(a):\n    b = a + {number}\n    return b  # {comment}\n"


def write(path: Path, programs: list[Any]) -> Path:
    rows = [{"id": number, "program": text} for number, text in enumerate(programs)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def run(folder: Path, programs: list[Any], **options: Any) -> tuple[Summary, bytes, list[Any]]:
    target = folder / "out.jsonl"
    options = {"linter": "hostile", **options}
    summary = refactor_file(write(folder / "in.jsonl", programs), target, **options)
    rejected = folder / "out.jsonl.rejected.jsonl"
    found = [json.loads(line) for line in rejected.open()] if rejected.exists() else []
    return summary, target.read_bytes(), found


def test_the_number_of_workers_changes_nothing(tmp_path: Path) -> None:
    programs = [program(number, "slow" if number % 7 else "") for number in range(100)]
    programs[3], programs[64] = "x = (", None
    made = [run(tmp_path, programs, workers=workers, part_rows=9)[1:] for workers in (0, 1, 3)]
    assert made[0] == made[1] == made[2]
    assert [row["row"] for row in made[0][1]] == [65]


@pytest.mark.parametrize(
    ("comment", "kind", "reason"),
    [
        ("crash", "crashed", "the process died of it: SIGKILL"),
        ("exit", "crashed", "the process died of it: exit code 3"),
        ("hang", "timed out", "ran for more than 1 s"),
        ("sleep", "timed out", "ran for more than 1 s"),
    ],
)
def test_a_program_that_takes_its_process_along(
    tmp_path: Path, comment: str, kind: str, reason: str
) -> None:
    programs = [program(number) for number in range(40)]
    programs[5] = program(5, comment)
    summary, content, rejected = run(tmp_path, programs, workers=2, timeout=1)
    assert (summary.rows, summary.sequences, dict(summary.rejected)) == (40, 39, {kind: 1})
    ids = [json.loads(line)["id"] for line in content.splitlines()]
    assert ids == [number for number in range(40) if number != 5]
    assert rejected == [{"row": 6, "program": 0, "kind": kind, "reason": reason}]


def test_the_other_programs_of_its_row_are_kept(tmp_path: Path) -> None:
    texts = [program(0), program(1, "crash"), program(2), program(3, "exit"), program(4)]
    source = tmp_path / "in.jsonl"
    source.write_text(json.dumps({"programs": texts}) + "\n")
    summary = refactor_file(source, tmp_path / "out.jsonl", linter="hostile", workers=1)
    assert (summary.sequences, dict(summary.rejected)) == (3, {"crashed": 2})
    made = [json.loads(line)["program"] for line in (tmp_path / "out.jsonl").open()]
    assert made == [texts[0], texts[2], texts[4]]


def test_a_process_that_somebody_else_kills_costs_nothing(tmp_path: Path) -> None:
    programs = [program(number, "crash" if number == 20 else "") for number in range(40)]
    undisturbed = run(tmp_path, programs, linter="none", workers=1)[1:]
    assert run(tmp_path, programs, linter="once", workers=2)[1:] == undisturbed


def test_what_a_linter_prints_is_no_reply(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, [program(1, "print")], workers=1)[0].sequences == 1
    assert capfd.readouterr().out == ""


def test_a_linter_that_the_processes_do_not_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(linters.LINTERS, "here", lambda program: [])
    with pytest.raises(DataError, match="workers=0"):
        run(tmp_path, [program(1)], linter="here", workers=1)
    assert run(tmp_path, [program(1)], linter="here", workers=0)[0].sequences == 1


def test_a_package_that_the_processes_miss_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pylint.py").write_text("raise ImportError('gone')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(DependencyError, match="pip install"):
        run(tmp_path, [program(1)], linter="pylint", workers=1)


def test_processes_that_cannot_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sitecustomize.py").write_text("import os; os._exit(7)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(CheckError, match="no worker process can be started: exit code 7"):
        run(tmp_path, [program(1)], workers=1)


def test_rows_are_not_read_far_ahead() -> None:
    read = 0

    def rows() -> Iterator[Row]:
        nonlocal read
        for number in range(1, 100_000):
            read += 1
            line = json.dumps({"program": program(number, "slow")}).encode()
            yield Row(number, line, number)

    with Pool(Settings(linter="hostile"), 2, 60) as pool:
        outcomes = pool.outcomes(rows())
        for _ in range(20):
            next(outcomes)
    assert read < 1000


def test_a_row_that_could_not_be_read_takes_its_place() -> None:
    line = json.dumps({"program": program(1)}).encode()
    rows = [Row(1, line, 1), Row(2, b"", 2, Problem("too large", "much")), Row(3, line, 3)]
    for workers in (0, 1):
        with Pool(Settings(), workers, 60) as pool:
            outcomes = [outcome for _, outcome in pool.outcomes(rows)]
        assert [len(outcome.lines) for outcome in outcomes] == [1, 0, 1]
        assert outcomes[1].rejections[0].kind == "too large"


def test_a_pool_serves_again_and_ends_its_processes() -> None:
    row = Row(1, json.dumps({"program": program(1)}).encode(), 1)
    with Pool(Settings(), 1, 60) as pool:
        assert [len(list(pool.outcomes([row] * count))) for count in (1, 40, 0, 2)] == [1, 40, 0, 2]
        (process,) = pool._processes
    assert process.ending() == "SIGKILL"
