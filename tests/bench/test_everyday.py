"""The everyday tasks: sound, and split so that what is held out was never seen."""

from __future__ import annotations

import importlib.util
import itertools
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

EVERYDAY = Path(__file__).parents[2] / "bench" / "everyday"


@pytest.fixture(scope="module")
def split() -> dict[str, dict[str, Any]]:
    content: dict[str, dict[str, Any]] = json.loads(
        (EVERYDAY / "split.json").read_text(encoding="utf-8")
    )
    return content


@pytest.fixture(scope="module")
def tasks() -> dict[str, dict[str, Any]]:
    rows = itertools.chain.from_iterable(map(read, sorted(EVERYDAY.glob("*.jsonl"))))
    return {row["id"]: row for row in rows}


def read(file: Path) -> Iterator[dict[str, Any]]:
    return map(json.loads, file.read_text(encoding="utf-8").split("\n")[:-1])


@pytest.fixture(scope="module")
def rule() -> ModuleType:
    spec = importlib.util.spec_from_file_location("everyday_split", EVERYDAY / "split.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def script(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(EVERYDAY / name), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


# 6,500 interpreters: three minutes of one core, and more of a busy one.
@pytest.mark.timeout(1800)
def test_every_program_passes_the_tests_of_its_task() -> None:
    done = script("check.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "1386 tasks, 3045 programs, 10953 instructions, 0 faulty\n"


def test_the_checker_finds_what_is_wrong(tmp_path: Path) -> None:
    task = {
        "id": "bad/double",
        "kind": "function",
        "entry_point": "double",
        "instructions": [f"wording {number}" for number in range(6)],
        "programs": ["def double(n):\n    return n * 3\n", "import numpy\ndouble = None\n"],
        "tests": [f"assert double({n}) == {2 * n}" for n in range(4)],
    }
    file = tmp_path / "bad.jsonl"
    file.write_text(json.dumps(task) + "\nno json\n" + json.dumps({"id": "x/y"} | task) + "\n")
    done = script("check.py", str(file))
    assert done.returncode == 1
    assert "bad/double: program 0: AssertionError" in done.stdout
    assert "bad/double: program 1: imports ['numpy']" in done.stdout
    assert "bad.jsonl:2: " in done.stdout
    assert "bad/double stands already in bad.jsonl" in done.stdout


def test_the_split_is_what_the_rule_gives() -> None:
    done = script("split.py", "--check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_relatives_lie_on_one_side(split: dict[str, Any], tasks: dict[str, dict[str, Any]]) -> None:
    """Told anew from the files, so that a mistake in the rule's code would show."""
    bonds: dict[tuple[str, str], set[str]] = {}
    for name, task in tasks.items():
        if task["entry_point"]:
            bonds.setdefault(("entry point", task["entry_point"]), set()).add(name)
        for text in task["instructions"]:
            bonds.setdefault(("wording", text.strip().casefold()), set()).add(name)
    for line in (EVERYDAY / "relatives.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            bonds["relatives", line] = set(line.split())
    assert len(bonds) > 10_000
    for bond, names in bonds.items():
        assert names <= tasks.keys(), bond
        assert len({name in split["held_out_tasks"] for name in names}) == 1, bond


def test_about_a_tenth_of_the_tasks_is_held_out(
    split: dict[str, Any], tasks: dict[str, dict[str, Any]], rule: ModuleType
) -> None:
    assert split["held_out_tasks"].keys() <= tasks.keys()
    assert 0.08 < len(split["held_out_tasks"]) / len(tasks) < 0.13
    assert not split["held_out_tasks"].keys() & set(rule.DEMONSTRATED)
    assert set(rule.DEMONSTRATED) <= tasks.keys()


def test_held_out_wordings_are_trained_on_nowhere(
    split: dict[str, Any], tasks: dict[str, dict[str, Any]]
) -> None:
    wordings = split["held_out_wordings"]
    assert len(wordings) > 300
    assert not wordings.keys() & split["held_out_tasks"].keys()
    trained = {
        normal(text)
        for name, task in tasks.items()
        if name not in split["held_out_tasks"]
        for number, text in enumerate(task["instructions"])
        if wordings.get(name) != number
    }
    for name, number in wordings.items():
        assert normal(tasks[name]["instructions"][number]) not in trained, name
        assert len(tasks[name]["instructions"]) > 1


def normal(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def test_what_is_scored_fixes_what_is_asked_for(
    split: dict[str, Any], tasks: dict[str, dict[str, Any]]
) -> None:
    for part in split.values():
        for name, number in part.items():
            task = tasks[name]
            if task["kind"] == "edit":
                assert number is None
            elif number is not None:
                text = task["instructions"][number]
                entry = task["entry_point"]
                assert entry in text if entry else len(text) >= 50
