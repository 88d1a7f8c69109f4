"""Other words and other names: both texts change, or neither."""

from __future__ import annotations

import random
import re
from pathlib import Path

from ondevice.training.tuning.tasks import read_tasks
from ondevice.training.tuning.wording import disturb, rename

EVERYDAY = Path(__file__).parents[3] / "bench" / "everyday"


def test_rename_changes_both_texts_or_neither() -> None:
    rng = random.Random(0)
    renamed = 0
    for task in read_tasks(EVERYDAY):
        name = task.entry_point
        if not name or task.before:
            continue
        whole = re.compile(rf"\b{re.escape(name)}\b")
        for instruction in task.instructions:
            program = task.programs[0]
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
    program = "def area(r):\n    return 3 * r\n"
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
