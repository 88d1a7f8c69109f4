"""What an epoch is made of."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import pytest

from ondevice.edits import LINTSEQ, Buffer
from ondevice.errors import DataError
from ondevice.training.recipe import DataSettings, Recipe
from ondevice.training.tuning.answers import Example
from ondevice.training.tuning.mixture import Mixture

FAMILIES = """
[plus]
entry = ["plus"]
signature = "(number: int) -> int"
slots = { n = ["1", "2", "3"] }
asks = ["increase by $n", "plus $n"]
programs = ["def $entry$signature:\\n    return number + $n\\n"]
calls = ["$entry(1)"]

[shout]
asks = ["shout $word"]
cases = [{ word = "hey" }, { word = "ho" }]
programs = ["print('$word')\\n"]
"""


def program(example: Example) -> str:
    buffer = Buffer()
    if example.given:
        LINTSEQ.read(f"{example.given}\n<|diff|>", buffer)
    LINTSEQ.read(example.answer, buffer)
    return buffer.text


@pytest.fixture
def settings(recipe: Path) -> DataSettings:
    families = recipe.parent / "families"
    families.mkdir()
    (families / "some.toml").write_text(FAMILIES)
    corpus = recipe.parent / "corpus"
    corpus.mkdir()
    rows = [
        {
            "kind": "function",
            "program": f"def f{n}():\n    {body}\n",
            "instruction": f"def f{n}():",
        }
        for n, body in enumerate(["return 1", "return 2", "return unknown", "return " + "1" * 999])
    ]
    rows.append({"kind": "file", "program": "x = 1\n"})
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (corpus / "train.jsonl").write_text(lines)
    text = recipe.read_text().replace(
        "drawn = 2",
        'drawn = 2\nfamilies = "families"\ndraws = 5\ncorpus = "corpus"\nfrom_corpus = 9\n'
        "noisy = 0",
    )
    recipe.write_text(text.replace("development = 0.2", "development = 0"))
    data = Recipe.read(recipe).data
    assert data
    return data


def test_every_source_has_its_share(settings: DataSettings) -> None:
    mixture, back = Mixture.read(settings, 1)
    examples = mixture.epoch(random.Random(1))
    count = Counter(
        "functions"
        if example.instruction.startswith("def f")
        else "families"
        if example.instruction.startswith(("increase by", "plus ", "shout "))
        else "tasks"
        for example in examples
    )
    # Of the functions, one is too long, and the linter objects to another.
    assert count == {"tasks": 14, "families": 10, "functions": 2}
    assert back.epoch(random.Random(1)) == []


def test_requests_and_programs_belong_together(settings: DataSettings) -> None:
    mixture, _ = Mixture.read(settings, 1)
    seen = set()
    for seed in range(10):
        for example in mixture.epoch(random.Random(seed)):
            asked = example.instruction
            if asked.startswith(("increase", "plus")):
                assert f"return number + {asked.split()[-1]}\n" in program(example)
                seen.add(asked)
            if asked.startswith("shout"):
                assert program(example) == f"print('{asked.split()[1]}')\n"
                seen.add(asked)
    assert len(seen) == 8


def test_epochs_differ_and_come_again(settings: DataSettings) -> None:
    mixture, _ = Mixture.read(settings, 1)
    first = mixture.epoch(random.Random("a"))
    assert mixture.epoch(random.Random("b")) != first
    again, _ = Mixture.read(settings, 1)
    assert again.epoch(random.Random("a")) == first


def test_families_are_kept_back_whole(settings: DataSettings, recipe: Path) -> None:
    recipe.write_text(recipe.read_text().replace("development = 0", "development = 0.5"))
    data = Recipe.read(recipe).data
    assert data
    for seed in range(20):
        mixture, back = Mixture.read(data, seed)
        names = {family.id for family in mixture.families}
        assert names | {family.id for family in back.families} == {"some/plus", "some/shout"}
        assert not names & {family.id for family in back.families}
        assert set(back.parts()) == {"wordings", "families"}


def test_a_task_that_the_linter_refuses_is_named(settings: DataSettings) -> None:
    file = settings.tasks / "mini.jsonl"
    file.write_text(file.read_text().replace("value + 10", "valeu + 10"))
    mixture, _ = Mixture.read(settings, 1)
    with pytest.raises(DataError, match=r"mini/add_ten, program \d: the linter objects"):
        mixture.epoch(random.Random(1))
