from __future__ import annotations

import json
from pathlib import Path

import pytest

from ondevice.errors import DataError
from ondevice.evaluation.everyday import PARTS, read_everyday

EVERYDAY = Path(__file__).parents[2] / "bench" / "everyday"


@pytest.mark.parametrize("part", PARTS)
def test_a_part_holds_what_the_split_says(part: str) -> None:
    split = json.loads((EVERYDAY / "split.json").read_text(encoding="utf-8"))[PARTS[part]]
    scored = {name for name, wording in split.items() if wording is not None}
    problems = read_everyday(EVERYDAY, part)
    assert len(problems) == len(scored)
    assert {problem.id for problem in problems} == scored
    assert not any(problem.id.startswith("edits/") for problem in problems)
    for problem in problems:
        assert problem.instruction
        assert (problem.stdout is None) == bool(problem.tests)


def test_the_instruction_is_the_held_out_one() -> None:
    split = json.loads((EVERYDAY / "split.json").read_text(encoding="utf-8"))
    rows = map(json.loads, (EVERYDAY / "numbers.jsonl").read_text("utf-8").splitlines())
    instructions = {row["id"]: row["instructions"] for row in rows}
    for problem in read_everyday(EVERYDAY, "wordings"):
        if problem.id in instructions:
            wording = split["held_out_wordings"][problem.id]
            assert problem.instruction == instructions[problem.id][wording]


def test_reference_programs_pass() -> None:
    """The judge agrees with the data's own checker; a few of each file stand for all."""
    programs = {}
    for file in sorted(EVERYDAY.glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            programs[row["id"]] = row["programs"][-1]
    problems = [problem for part in PARTS for problem in read_everyday(EVERYDAY, part)]
    for problem in problems[::20]:
        assert problem.judge(programs[problem.id]).reason == ""


def test_a_part_that_does_not_exist() -> None:
    with pytest.raises(DataError, match="no part 'train'; it has wordings, tasks"):
        read_everyday(EVERYDAY, "train")


@pytest.mark.parametrize(
    "content", [None, "{", "{}", '{"held_out_tasks": ["t/x"]}', '{"held_out_tasks": {"t/x": 9}}']
)
def test_a_folder_that_cannot_be_read(tmp_path: Path, content: str | None) -> None:
    if content:
        row = {"id": "t/x", "kind": "function", "instructions": ["x"], "tests": []}
        (tmp_path / "t.jsonl").write_text(json.dumps(row) + "\n")
        (tmp_path / "split.json").write_text(content)
    with pytest.raises(DataError, match="cannot read the everyday suite in"):
        read_everyday(tmp_path, "tasks")
