"""A folder of four small tasks, and the recipe of a model that learns them in seconds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

RECIPE = """\
name = "mini"
seed = 7

[data]
tasks = "tasks"
drawn = 2
development = 0.2

[tokenizer]
vocabulary = 320

[model]
layers = 2
width = 64
feed_forward = 128
heads = 2
context = 256

[training]
steps = 20
tokens_per_batch = 1024
warmup = 4
checkpoint_minutes = 60
compile = false
"""


def function(name: str, argument: str, result: str) -> dict[str, Any]:
    words = name.replace("_", " ")
    return {
        "id": f"mini/{name}",
        "kind": "function",
        "entry_point": name,
        "instructions": [
            f"write {name}({argument})",
            f"a function {name} that takes {argument} and returns {words}",
            words,
            f"def {name}({argument}):\n    ...",
            f"please program {name} for me, with {argument} as the argument",
            f"HIDDEN WORDING of {name}",
        ],
        "programs": [
            f"def {name}({argument}):\n    return {result}\n",
            f"def {name}({argument}):\n    # OTHER PROGRAM\n    result = {result}\n"
            "    return result\n",
        ],
        "tests": [f"assert {name}(2) == {eval(result, {argument: 2})}"],
    }


@pytest.fixture
def tasks() -> list[dict[str, Any]]:
    script = {
        "id": "mini/count_up",
        "kind": "script",
        "entry_point": None,
        "instructions": ["print 0 to 4", "count from 0 to 4, each on its own line", "count up"],
        "programs": ["for number in range(5):\n    print(number)\n"],
        "tests": [],
        "stdin": "",
        "stdout": "0\n1\n2\n3\n4\n",
    }
    return [
        function("double", "number", "number * 2"),
        function("add_ten", "value", "value + 10"),
        function("held_out_square", "x", "x ** 2"),
        script,
    ]


@pytest.fixture
def recipe(tmp_path: Path, tasks: list[dict[str, Any]]) -> Path:
    """A recipe file beside its tasks; one task and one wording of another are held out."""
    folder = tmp_path / "tasks"
    folder.mkdir()
    lines = [json.dumps(task, ensure_ascii=False) for task in tasks]
    (folder / "mini.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    split = {
        "held_out_tasks": {"mini/held_out_square": 0},
        "held_out_wordings": {"mini/double": 5},
    }
    (folder / "split.json").write_text(json.dumps(split), encoding="utf-8")
    path = tmp_path / "mini.toml"
    path.write_text(RECIPE, encoding="utf-8")
    return path
