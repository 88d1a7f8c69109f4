"""What training sees, and above all what it never sees."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ondevice.edits import Buffer, diff
from ondevice.errors import DataError
from ondevice.training.tuning.tasks import Task, divide, read_tasks, with_sampled

EVERYDAY = Path(__file__).parents[3] / "bench" / "everyday"


def all_rows() -> Iterator[dict[str, Any]]:
    for file in sorted(EVERYDAY.glob("*.jsonl")):
        yield from map(json.loads, file.read_text(encoding="utf-8").split("\n")[:-1])


@pytest.fixture(scope="module")
def everyday() -> list[Task]:
    return read_tasks(EVERYDAY)


@pytest.fixture(scope="module")
def held_out() -> list[str]:
    """Every text that training must not see: wordings, and all texts of the held-out tasks."""
    split = json.loads((EVERYDAY / "split.json").read_text(encoding="utf-8"))
    texts = []
    for row in all_rows():
        if row["id"] in split["held_out_tasks"]:
            texts += row["instructions"] + row["programs"]
        elif row["id"] in split["held_out_wordings"]:
            texts.append(row["instructions"][split["held_out_wordings"][row["id"]]])
    assert len(texts) > 1500
    return texts


def test_held_out_texts_are_not_among_the_tasks(everyday: list[Task], held_out: list[str]) -> None:
    seen = {text for task in everyday for text in (*task.instructions, *task.programs)}
    assert not {normal(text) for text in seen} & {normal(text) for text in held_out}


def test_nothing_else_is_left_out(everyday: list[Task]) -> None:
    split = json.loads((EVERYDAY / "split.json").read_text(encoding="utf-8"))
    left = {task.id: len(task.instructions) for task in everyday}
    for row in all_rows():
        inserts = row["kind"] != "edit" or row["insert_only"]
        trains = inserts and row["id"] not in split["held_out_tasks"]
        assert (row["id"] in left) == trains
        if trains:
            hidden = row["id"] in split["held_out_wordings"]
            assert left[row["id"]] == len(row["instructions"]) - hidden


def normal(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(".?!")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("split.json", None),
        ("split.json", "{}"),
        ("split.json", "[1]"),
        ("mini.jsonl", '{"id": "mini/x"}\n'),
        ("mini.jsonl", "{"),
        ("mini.jsonl", "3\n"),
        ("mini.jsonl", ""),
    ],
)
def test_tasks_that_cannot_be_read(recipe: Path, name: str, content: str | None) -> None:
    folder = recipe.parent / "tasks"
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_text(content)
    with pytest.raises(DataError, match=re.escape(str(folder))):
        read_tasks(folder)


def test_a_line_separator_in_a_text_ends_no_row(recipe: Path) -> None:
    file = recipe.parent / "tasks" / "mini.jsonl"
    file.write_text(file.read_text().replace("count up", "count\u2028up"), encoding="utf-8")
    *_, last = read_tasks(recipe.parent / "tasks")
    assert last.instructions[-1] == "count\u2028up"


def test_development_instructions_are_kept_back(everyday: list[Task]) -> None:
    train, development = divide(everyday, 0.05, 1)
    assert [task.id for task in train] == [task.id for task in everyday]
    kept = {(task.id, text) for task in train for text in task.instructions}
    back = {(task.id, text) for task in development for text in task.instructions}
    assert not kept & back
    assert kept | back == {(task.id, text) for task in everyday for text in task.instructions}
    assert 0.03 < len(back) / len(kept | back) < 0.07
    assert divide(everyday, 0.05, 1) == (train, development)


def test_changes_are_insertions(everyday: list[Task]) -> None:
    changes = [task for task in everyday if task.before]
    assert len(changes) > 50
    for task in changes:
        for program in task.programs:
            edit = diff(Buffer.from_text(task.before), Buffer.from_text(program))
            assert edit.hunks
            assert edit.insert_only


def test_sampled_programs_are_added_to_their_tasks(tmp_path: Path, everyday: list[Task]) -> None:
    file = tmp_path / "sampled.jsonl"
    first, second, *_ = everyday
    rows = [
        {"id": first.id, "programs": ["x = 1\n", first.programs[0]]},
        {"id": "unknown/task", "programs": ["y = 1\n"]},
        {"id": first.id, "programs": ["x = 2\n"]},
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    more = with_sampled(everyday, file)
    assert more[0].programs == (*first.programs, "x = 1\n", "x = 2\n")
    assert more[1:] == everyday[1:]
    file.write_text("{")
    with pytest.raises(DataError, match=r"sampled\.jsonl"):
        with_sampled([second], file)
