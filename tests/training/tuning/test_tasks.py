"""What training sees, and above all what it never sees."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ondevice.edits import LINTSEQ, Buffer
from ondevice.errors import DataError
from ondevice.training.recipe import DataSettings, Recipe
from ondevice.training.tuning.source import tokenizer_texts
from ondevice.training.tuning.tasks import (
    Task,
    disturb,
    divide,
    examples,
    read_tasks,
    refactor_tasks,
    rename,
)

EVERYDAY = Path(__file__).parents[3] / "bench" / "everyday"


def all_rows() -> Iterator[dict[str, Any]]:
    for file in sorted(EVERYDAY.glob("*.jsonl")):
        yield from map(json.loads, file.read_text(encoding="utf-8").split("\n")[:-1])


@pytest.fixture(scope="module")
def everyday() -> list[Task]:
    """The training tasks, each program as one edit: what is trained on without the wait."""
    return [
        Task(
            row["id"],
            row["entry_point"],
            tuple(row["instructions"]),
            tuple((program,) for program in row["programs"]),
        )
        for row in read_tasks(EVERYDAY)
    ]


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


def test_held_out_texts_are_no_training_examples(everyday: list[Task], held_out: list[str]) -> None:
    settings = DataSettings(EVERYDAY, noisy=0.0, renamed=0.0)
    for part in divide(everyday, 0.01, 1):
        pairs = examples(part, settings, random.Random(0))
        seen = {text for pair in pairs for text in pair}
        assert not seen & set(held_out)
        assert not {normal(text) for text in seen} & {normal(text) for text in held_out}


def test_the_tokenizer_does_not_see_held_out_texts(
    everyday: list[Task], held_out: list[str]
) -> None:
    train, _ = divide(everyday, 0.01, 1)
    texts = tokenizer_texts(train)
    instructions = {text.partition("\n<|diff|>")[0] for text in texts}
    assert not instructions & set(held_out)
    programs = {text.partition("\n<|diff|>")[2].removesuffix("<|endoftext|>") for text in texts}
    assert not programs & set(held_out)


def test_nothing_else_is_left_out(everyday: list[Task]) -> None:
    split = json.loads((EVERYDAY / "split.json").read_text(encoding="utf-8"))
    left = {task.id: len(task.instructions) for task in everyday}
    for row in all_rows():
        trains = row["kind"] != "edit" and row["id"] not in split["held_out_tasks"]
        assert (row["id"] in left) == trains
        if trains:
            hidden = row["id"] in split["held_out_wordings"]
            assert left[row["id"]] == len(row["instructions"]) - hidden


def normal(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(".?!")


def test_sequences_write_their_programs(recipe: Path, tasks: list[dict[str, Any]]) -> None:
    settings = Recipe.read(recipe).data
    programs = {task["id"]: task["programs"] for task in tasks}
    refactored = refactor_tasks(settings, 7)
    assert [task.id for task in refactored] == ["mini/double", "mini/add_ten", "mini/count_up"]
    for task in refactored:
        for program, sequences in zip(programs[task.id], task.sequences, strict=True):
            assert 1 <= len(sequences) <= settings.paths
            for sequence in sequences:
                assert replayed(sequence) == program
    assert "HIDDEN WORDING of double" not in refactored[0].instructions
    assert refactor_tasks(settings, 7) == refactored
    assert refactor_tasks(settings, 8) != refactored


def replayed(sequence: str) -> str:
    buffer = Buffer()
    reader = LINTSEQ.reader(buffer)
    reader.feed(sequence)
    reader.close()
    return buffer.text


def test_more_paths_keep_the_first_ones(recipe: Path) -> None:
    recipe.write_text(recipe.read_text().replace("paths = 2", "paths = 1"))
    few = refactor_tasks(Recipe.read(recipe).data, 7)
    recipe.write_text(recipe.read_text().replace("paths = 1", "paths = 5"))
    for one, five in zip(few, refactor_tasks(Recipe.read(recipe).data, 7), strict=True):
        for first, more in zip(one.sequences, five.sequences, strict=True):
            assert more[0] == first[0]


def test_a_program_that_the_linter_refuses_is_named(recipe: Path) -> None:
    file = recipe.parent / "tasks" / "mini.jsonl"
    file.write_text(file.read_text().replace("return value + 10", "return valeu + 10"))
    with pytest.raises(DataError, match=r"mini/add_ten, program 0: the linter objects"):
        refactor_tasks(Recipe.read(recipe).data, 7)


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
        list(read_tasks(folder))


def test_a_line_separator_in_a_text_ends_no_row(recipe: Path) -> None:
    file = recipe.parent / "tasks" / "mini.jsonl"
    file.write_text(file.read_text().replace("count up", "count\u2028up"), encoding="utf-8")
    *_, last = read_tasks(recipe.parent / "tasks")
    assert last["instructions"][-1] == "count\u2028up"


def test_development_instructions_are_kept_back(everyday: list[Task]) -> None:
    train, development = divide(everyday, 0.05, 1)
    assert [task.id for task in train] == [task.id for task in everyday]
    kept = {(task.id, text) for task in train for text in task.instructions}
    back = {(task.id, text) for task in development for text in task.instructions}
    assert not kept & back
    assert kept | back == {(task.id, text) for task in everyday for text in task.instructions}
    assert 0.03 < len(back) / len(kept | back) < 0.07
    assert divide(everyday, 0.05, 1) == (train, development)


def test_examples_are_the_same_for_the_same_seed(everyday: list[Task]) -> None:
    settings = DataSettings(EVERYDAY)
    first = examples(everyday, settings, random.Random("a"))
    assert examples(everyday, settings, random.Random("a")) == first
    assert examples(everyday, settings, random.Random("b")) != first
    assert len(first) == sum(len(task.instructions) for task in everyday)


def test_rename_changes_both_texts_or_neither(everyday: list[Task]) -> None:
    rng = random.Random(0)
    renamed = 0
    for task in everyday:
        name = task.entry_point
        if not name:
            continue
        whole = re.compile(rf"\b{re.escape(name)}\b")
        for instruction in task.instructions:
            program = task.sequences[0][0]
            asked, written = rename(instruction, program, name, rng)
            if (asked, written) == (instruction, program):
                continue
            renamed += 1
            assert not whole.search(asked)
            assert not whole.search(written)
            (other,) = set(re.findall(rf"\w*{re.escape(name)}\w*", asked)) & set(
                re.findall(rf"\w*{re.escape(name)}\w*", written)
            )
            # The way back gives both texts again: nothing else was touched.
            back = re.compile(rf"\b{other}\b")
            assert back.sub(name, asked) == instruction
            assert back.sub(name, written) == program
    assert renamed > 1000


def test_rename_leaves_loose_wordings_and_taken_names() -> None:
    program = "@@ -0,0 +1,2 @@\n+def area(r):\n+    return 3 * r\n<|diff|>\n<|diff|>"
    assert rename("area of a circle", program, "Circle", random.Random(0)) == (
        "area of a circle",
        program,
    )
    for seed in range(200):
        asked, written = rename("write area(r)", program, "area", random.Random(seed))
        (other,) = re.findall(r"def (\w+)", written)
        assert asked == f"write {other}(r)" != "write area(r)"
        taken = program.replace("3", other)
        assert rename("write area(r)", taken, "area", random.Random(seed)) == (
            "write area(r)",
            taken,
        )


def test_rename_keeps_the_case_of_a_class() -> None:
    asked, written = rename("class Stack", "+class Stack:", "Stack", random.Random(1))
    (other,) = re.findall(r"class (\w+)", written)
    assert other in asked
    assert other[0].isupper()
    assert "_" not in other


def test_disturb_leaves_code_alone() -> None:
    signature = 'def area(r):\n    """Return the area of a circle, with pi as three."""\n'
    comment = "# read two numbers from the input and print what is the larger one of them"
    for seed in range(300):
        assert disturb(signature, random.Random(seed)) == signature
        assert disturb(comment, random.Random(seed)) == comment


def test_disturb_keeps_calls_and_quoted_names() -> None:
    instruction = "please write a function area(r) that does what `circle` does for all radii"
    results = {disturb(instruction, random.Random(seed)) for seed in range(300)}
    assert len(results) > 100
    assert all("area(r)" in text and "`circle`" in text for text in results)
    assert disturb(instruction, random.Random(5)) == disturb(instruction, random.Random(5))


def test_disturb_keeps_short_instructions() -> None:
    for seed in range(300):
        assert "fizz buzz" in disturb("fizz buzz", random.Random(seed)).lower()
