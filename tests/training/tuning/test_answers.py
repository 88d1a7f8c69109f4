"""Answers write their programs, whatever their form."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from ondevice.edits import LINTSEQ, Buffer
from ondevice.errors import DataError
from ondevice.training.recipe import DataSettings
from ondevice.training.tuning.answers import Answers, Example

PROGRAM = """\
def total(numbers):
    result = 0
    for number in numbers:
        if number > 0:
            result += number
    return result


print(total([1, -2, 3]))
"""


def answers(**settings: Any) -> Answers:
    return Answers(DataSettings(Path("unread"), **settings))


def written(example: Example) -> list[str]:
    """The program after each edit, what was given first of all."""
    buffer, states = Buffer(), []
    if example.given:
        LINTSEQ.read(f"{example.given}\n<|diff|>", buffer)
        states.append(buffer.text)
    reader = LINTSEQ.reader(buffer)
    for line in example.answer.splitlines(keepends=True):
        reader.feed(line)
        states.append(buffer.text)
    reader.close()
    return states


@pytest.mark.parametrize("form", ["lintseq", "whole"])
def test_an_answer_writes_its_program(form: str) -> None:
    for seed in range(20):
        example = answers(answers=form).answer("sum", PROGRAM, random.Random(seed))
        assert example.given == ""
        assert example.instruction == "sum"
        assert written(example)[-1] == PROGRAM
        assert form == "lintseq" or example.answer.count("@@ -") == 1


def test_paths_differ_and_depend_on_the_random_numbers() -> None:
    make = answers(drawn=1).answer
    texts = [make("", PROGRAM, random.Random(seed)).answer for seed in range(20)]
    assert len(set(texts)) > 5
    assert make("", PROGRAM, random.Random(3)).answer == texts[3]


def test_a_path_may_stay_the_same() -> None:
    make = answers(drawn=1, fresh=False).answer
    assert len({make("", PROGRAM, random.Random(seed)).answer for seed in range(20)}) == 1


def test_of_the_paths_drawn_the_simplest_is_taken() -> None:
    def hunks(drawn: int) -> float:
        make = answers(drawn=drawn).answer
        return sum(make("", PROGRAM, random.Random(s)).answer.count("@@ -") for s in range(50))

    assert hunks(8) < hunks(1)


def test_what_is_continued_begins_with_a_state_of_the_path() -> None:
    make = answers(continued=1.0, drawn=1).answer
    beginnings = set()
    for seed in range(40):
        example = make("", PROGRAM, random.Random(seed))
        if not example.given:  # a path of one edit
            continue
        first, *_, last = written(example)
        assert last == PROGRAM
        assert set(first.splitlines()) <= set(PROGRAM.splitlines())
        assert 0 < len(first) < len(PROGRAM)
        beginnings.add(first)
    assert len(beginnings) > 5


def test_a_change_shows_the_program_and_inserts() -> None:
    after = PROGRAM.replace("    return", "    result += 1\n    return")
    example = answers().change("add one", PROGRAM, after)
    assert written(example)[0] == PROGRAM
    assert written(example)[-1] == after
    assert example.answer == "@@ -5,0 +6 @@\n+    result += 1\n<|diff|>\n<|diff|>"


def test_a_program_that_the_linter_refuses() -> None:
    with pytest.raises(DataError, match="the linter objects"):
        answers().answer("", PROGRAM.replace("return result", "return resutl"), random.Random(1))
