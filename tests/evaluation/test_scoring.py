from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ondevice.cli import main
from ondevice.errors import DataError
from ondevice.evaluation.samples import Store
from ondevice.evaluation.scoring import read_given, require_all, write_given
from tests.evaluation.makers import RIGHT, WRONG, make_problem, make_sample, make_suite

STUB = 'def double(n):\n    """Twice n."""\n'
SUITE = make_suite(make_problem("Own/0", stub=STUB), make_problem("Own/1", stub=STUB))


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def programs(path: Path) -> list[tuple[str, int, str]]:
    return [(one.problem.id, one.number, one.program) for one in read_given(path, SUITE)]


def test_completions_follow_on_the_prompt_and_solutions_stand_alone(tmp_path: Path) -> None:
    path = write(
        tmp_path / "s.jsonl",
        {"task_id": "Own/0", "completion": "    return n * 2\n"},
        {"task_id": "Own/0", "solution": RIGHT},
        {"task_id": "Own/1", "solution": WRONG, "completion": "x"},
    )
    assert programs(path) == [
        ("Own/0", 0, STUB + "    return n * 2\n"),
        ("Own/0", 1, RIGHT),
        ("Own/1", 0, WRONG),
    ]


def test_a_folder(tmp_path: Path) -> None:
    for name, number in (("Own_0", 0), ("Own_0", 10), ("Own_0", 2), ("Own_1", 0)):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.py").write_text(f"x = {number}\n")
    assert programs(tmp_path) == [
        ("Own/0", 0, "x = 0\n"),
        ("Own/0", 1, "x = 2\n"),
        ("Own/0", 2, "x = 10\n"),
        ("Own/1", 0, "x = 0\n"),
    ]


def test_stored_samples(tmp_path: Path) -> None:
    with Store(tmp_path / "s.jsonl", {}) as store:
        store.add(make_sample("Own/1", sanitized=RIGHT))
    assert programs(tmp_path / "s.jsonl") == [("Own/1", 0, RIGHT)]


def test_what_is_written_can_be_read_either_way(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    begun = STUB + "    return n + n\n"
    write_given(
        path, SUITE, [make_sample("Own/1", sanitized=RIGHT), make_sample("Own/0", sanitized=begun)]
    )
    first, second = [json.loads(line) for line in path.read_text().splitlines()]
    assert first == {"task_id": "Own/0", "completion": "    return n + n\n", "solution": begun}
    assert second["solution"] == RIGHT
    names: dict[str, Any] = {}
    exec(STUB + second["completion"], names)
    assert names["double"](4) == 8
    assert programs(path) == [("Own/0", 0, begun), ("Own/1", 0, RIGHT)]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"task_id": "Own/7", "solution": ""}, "no problem 'Own/7'; its first is 'Own/0'"),
        ({"task_id": "Own/0"}, "has no field 'completion'"),
        ({"solution": ""}, "has no field 'task_id'"),
        ({"task_id": "Own/0", "solution": 3}, "'solution' does not hold text"),
    ],
)
def test_what_cannot_be_read(row: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        read_given(write(tmp_path / "s.jsonl", row), SUITE)


def test_every_problem_needs_a_sample(tmp_path: Path) -> None:
    given = read_given(write(tmp_path / "s", {"task_id": "Own/1", "solution": ""}), SUITE)
    with pytest.raises(DataError, match="1 of 2 problems have no samples, Own/0 among them"):
        require_all(SUITE, given)
    require_all(SUITE.only(leave_out=["Own/0"]), given)


class TestCommand:
    @pytest.fixture
    def files(self, tmp_path: Path) -> tuple[Path, Path]:
        rows = [
            {
                "task_id": f"Own/{number}",
                "prompt": STUB,
                "entry_point": "double",
                "canonical_solution": "    return n * 2\n",
                "test": "def check(candidate):\n    assert candidate(4) == 8\n",
            }
            for number in range(2)
        ]
        suite = write(tmp_path / "suite.jsonl", *rows)
        samples = write(
            tmp_path / "samples.jsonl",
            {"task_id": "Own/0", "completion": "    return n * 2\n"},
            {"task_id": "Own/0", "completion": "    return n + 2\n"},
            {"task_id": "Own/1", "completion": "    return 8\n"},
            {"task_id": "Own/1", "solution": RIGHT},
        )
        return suite, samples

    def test_figures_and_verdicts(
        self, files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        suite, samples = files
        command = ["bench", "score", "--suite", "humaneval", "--file", str(suite)]
        command += ["--samples", str(samples), "--output", str(tmp_path / "r.json")]
        assert main(command) == 0
        out = capsys.readouterr().out
        assert re.search(r"^pass@1 +75\.0%", out, re.MULTILINE)
        assert re.search(r"^samples of +samples\.jsonl$", out, re.MULTILINE)
        result = json.loads((tmp_path / "r.json").read_text())
        assert result["schema"] == "ondevice-passk/1"
        assert result["figures"]["pass@k"]["2"]["value"] == 1.0
        assert result["references_passed"] == 2
        assert [(v["id"], v["number"], v["passed"]) for v in result["verdicts"]] == [
            ("Own/0", 0, True),
            ("Own/0", 1, False),
            ("Own/1", 0, True),
            ("Own/1", 1, True),
        ]
        assert main([*command, "--limit", "1"]) == 0
        assert "humaneval (first 1)" in capsys.readouterr().out

    def test_a_problem_without_samples(
        self, files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
    ) -> None:
        suite, samples = files
        samples.write_text(samples.read_text().split("\n")[0] + "\n")
        command = ["bench", "score", "--suite", "humaneval", "--file", str(suite)]
        assert main([*command, "--samples", str(samples)]) == 2
        assert "1 of 2 problems have no samples" in capsys.readouterr().err
        assert main([*command, "--samples", str(samples), "--limit", "1"]) == 0
