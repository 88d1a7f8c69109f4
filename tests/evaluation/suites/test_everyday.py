from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ondevice.errors import DataError
from ondevice.evaluation.suites import load_suite
from ondevice.evaluation.suites.everyday import PARTS, read_everyday, read_tasks
from ondevice.sandbox import Assertions, Output, Sandbox

EVERYDAY = Path(__file__).parents[3] / "bench" / "everyday"
HELD_OUT = {"wordings": "held_out_wordings", "tasks": "held_out_tasks"}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=2) as opened:
        yield opened


@pytest.mark.parametrize("part", HELD_OUT)
def test_a_part_holds_what_the_split_says(part: str) -> None:
    split = json.loads((EVERYDAY / "split.json").read_text(encoding="utf-8"))[HELD_OUT[part]]
    scored = {name for name, wording in split.items() if wording is not None}
    problems = read_everyday(EVERYDAY, part).problems
    assert len(problems) == len(scored)
    assert {problem.id for problem in problems} == scored
    assert not any(problem.id.startswith("edits/") for problem in problems)
    for problem in problems:
        assert problem.instruction
        if isinstance(problem.expect, Assertions):
            assert problem.expect.tests
        else:
            assert isinstance(problem.expect, Output)
        assert problem.source is None


def test_the_instruction_is_the_held_out_one() -> None:
    split = json.loads((EVERYDAY / "split.json").read_text(encoding="utf-8"))
    instructions = {task["id"]: task["instructions"] for task in read_tasks(EVERYDAY)}
    for problem in read_everyday(EVERYDAY, "wordings").problems:
        wording = split["held_out_wordings"][problem.id]
        assert problem.instruction == instructions[problem.id][wording]


def test_edits_are_asked_for_by_name() -> None:
    tasks = {task["id"]: task for task in read_tasks(EVERYDAY)}
    every = read_everyday(EVERYDAY, "edits")
    assert every.name == load_suite("edits", tasks=EVERYDAY).name == "edits"
    some = read_everyday(EVERYDAY, "edits-insert-only")
    assert {one.id for one in some.problems} < {one.id for one in every.problems}
    for problem in every.problems:
        task = tasks[problem.id]
        assert problem.source == task["before"]
        assert task["entry_point"] in problem.instruction
        assert not task["keeps_behaviour"]
    assert all(tasks[problem.id]["insert_only"] for problem in some.problems)


def test_held_out_edits_are_asked_for_in_all_words_that_name_them() -> None:
    split = json.loads((EVERYDAY / "split.json").read_text(encoding="utf-8"))["held_out_tasks"]
    tasks = {task["id"]: task for task in read_tasks(EVERYDAY)}
    suite = load_suite("edits-held-out", tasks=EVERYDAY)
    assert len({problem.id for problem in suite.problems}) == len(suite.problems) > 20
    for problem in suite.problems:
        name, _, number = problem.id.partition("#")
        assert name in split
        if number:
            assert problem.instruction == tasks[name]["instructions"][int(number)]
        assert (problem.id in suite.parts["insert-only"]) is tasks[name]["insert_only"]


def test_what_insertions_suffice_for_is_marked() -> None:
    every = load_suite("edits", tasks=EVERYDAY)
    some = load_suite("edits-insert-only", tasks=EVERYDAY)
    assert every.parts["insert-only"] == {problem.id for problem in some.problems}
    assert every.digest != some.digest
    assert not load_suite("everyday-tasks", tasks=EVERYDAY).parts


def test_references_pass_and_programs_before_an_edit_do_not(sandbox: Sandbox) -> None:
    """The judge agrees with the data's own checker; a few of each part stand for all."""
    chosen = [one for part in PARTS for one in read_everyday(EVERYDAY, part).problems[::20]]
    jobs = [one.job(one.reference or "", (one.id, True)) for one in chosen]
    jobs += [one.job(one.source, (one.id, False)) for one in chosen if one.source is not None]
    for job, verdict in sandbox.judge(jobs):
        assert verdict.passed == job.id[1], (job.id, verdict)


def test_a_part_that_does_not_exist() -> None:
    with pytest.raises(DataError, match="no part 'train'; it has wordings, tasks, edits"):
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
