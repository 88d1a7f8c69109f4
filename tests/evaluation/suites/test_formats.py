"""Each format, on small files of this project's own, with programs that pass and that do not."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ondevice.errors import DataError, DependencyError
from ondevice.evaluation.selftest import check_references
from ondevice.evaluation.suites import Suite, load_suite
from ondevice.sandbox import Sandbox

HUMANEVAL = {
    "task_id": "Own/0",
    "prompt": 'def widen(text):\n    """Put a space between the letters."""\n',
    "entry_point": "widen",
    "canonical_solution": '    return " ".join(text)\n',
    "test": "def check(candidate):\n    assert candidate('ab') == 'a b'\n",
}
MBPP = {
    "task_id": 11,
    "text": "Write a function that widens a text.",
    "code": 'def widen(text):\r\n    return " ".join(text)',
    "test_list": ["assert widen('ab') == 'a b'", "assert widen('') == EMPTY"],
    "test_setup_code": "EMPTY = ''",
    "challenge_test_list": [],
}
SANITIZED = {
    "source_file": "x",
    "task_id": 12,
    "prompt": "Write a function that gives half the way around a circle.",
    "code": "import math\ndef half(r):\n    return math.pi * r\n",
    "test_imports": ["import math"],
    "test_list": ["assert math.isclose(half(1), math.pi)"],
}
CONTEST = {
    "name": "1_A. Doubling",
    "description": "Print twice the number.\n",
    "public_tests": {"input": ["2\n"], "output": ["4\n"]},
    "private_tests": {"input": ["3\n"], "output": ["6"]},
    "generated_tests": {"input": [], "output": []},
    "solutions": {"language": [2, 3], "solution": ["int main", "print(2 * int(input()))"]},
    "time_limit": {"seconds": 12, "nanos": 500_000_000},
}
DS1000 = {
    "prompt": "Problem:\nMake an array of twos.\nBEGIN SOLUTION\n<code>\n",
    "reference_code": "result = np.full(3, 2)",
    "metadata": {"problem_id": 7, "library": "Numpy", "test_case_cnt": 1},
    "code_context": '''\
import copy
exec_context = """
import numpy as np
[insert]
"""
def test_execution(solution: str):
    names = {}
    exec(exec_context.replace("[insert]", solution), names)
    assert list(names["result"]) == [2, 2, 2]

def test_string(solution: str):
    assert "for" not in solution
''',
}
BIGCODE = {
    "task_id": "BigCodeBench/0",
    "complete_prompt": 'import json\ndef task_func(x):\n    """As JSON."""\n',
    "instruct_prompt": "Give x as JSON.\n",
    "code_prompt": "import json\ndef task_func(x):\n",
    "canonical_solution": "    return json.dumps(x)\n",
    "test": (
        "import unittest\nclass TestCases(unittest.TestCase):\n"
        "    def test_list(self):\n        self.assertEqual(task_func([1]), '[1]')\n"
        "    def test_none(self):\n        self.assertEqual(task_func(None), 'null')\n"
    ),
    "entry_point": "task_func",
    "libs": "['json']",
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=2) as opened:
        yield opened


def load(name: str, folder: Path, *rows: dict[str, Any], suffix: str = "jsonl.gz") -> Suite:
    path = folder / f"file.{suffix}"
    if suffix == "parquet":
        pa = pytest.importorskip("pyarrow")
        pytest.importorskip("pyarrow.parquet").write_table(pa.Table.from_pylist(rows), path)
        return load_suite(name, path)
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    text = json.dumps(rows) if suffix == "json" else lines
    path.write_bytes(gzip.compress(text.encode()) if suffix.endswith("gz") else text.encode())
    return load_suite(name, path)


def verdicts(suite: Suite, sandbox: Sandbox, *answers: str) -> list[bool]:
    (problem,) = suite.problems
    jobs = [problem.job(problem.program_of(answer), n) for n, answer in enumerate(answers)]
    found = {job.id: verdict for job, verdict in sandbox.judge(jobs)}
    return [found[number].passed for number in range(len(answers))]


@pytest.mark.parametrize(
    ("name", "row", "suffix"),
    [
        ("humaneval", HUMANEVAL, "jsonl"),
        ("humaneval", HUMANEVAL, "jsonl.gz"),
        ("mbpp", MBPP, "jsonl"),
        ("mbpp-sanitized", SANITIZED, "json"),
        ("codecontests", CONTEST, "jsonl"),
        ("codecontests", CONTEST, "parquet"),
        ("ds-1000", DS1000, "jsonl.gz"),
        ("bigcodebench-complete", BIGCODE, "parquet"),
        ("bigcodebench-instruct", BIGCODE, "jsonl"),
    ],
)
def test_a_file_is_read_and_its_own_answer_passes(
    name: str, row: dict[str, Any], suffix: str, tmp_path: Path, sandbox: Sandbox
) -> None:
    suite = load(name, tmp_path, row, suffix=suffix)
    assert suite.name == name
    assert len(suite.digest) == 64
    assert check_references(suite, sandbox) == 1


class TestHumanEval:
    def test_the_instruction_is_the_signature_with_its_docstring(self, tmp_path: Path) -> None:
        (problem,) = load("humaneval", tmp_path, HUMANEVAL).problems
        assert problem.instruction == HUMANEVAL["prompt"].rstrip()
        assert problem.id == "Own/0"

    def test_completions_and_whole_programs(self, tmp_path: Path, sandbox: Sandbox) -> None:
        suite = load("humaneval", tmp_path, HUMANEVAL)
        whole = "def glue(parts):\n    return ' '.join(parts)\n\n\nwiden = glue\n"
        fenced = f"Sure!\n```python\n{whole}```\nThat is it.\n"
        found = verdicts(
            suite,
            sandbox,
            "    return ' '.join(text)\n",
            whole,
            fenced,
            "    return text\n",
            "def other(text):\n    return ' '.join(text)\n",
            "def widen(text)\n    return ' '.join(text)\n",
        )
        assert found == [True, True, True, False, False, False]


class TestMbpp:
    def test_the_instruction_is_the_sentence_with_the_tests(self, tmp_path: Path) -> None:
        (problem,) = load("mbpp", tmp_path, MBPP).problems
        assert problem.instruction == "\n".join([MBPP["text"], *MBPP["test_list"]])
        assert problem.id == "Mbpp/11"
        (problem,) = load("mbpp-sanitized", tmp_path, SANITIZED, suffix="json").problems
        assert problem.instruction.startswith(SANITIZED["prompt"])

    def test_programs(self, tmp_path: Path, sandbox: Sandbox) -> None:
        suite = load("mbpp", tmp_path, MBPP)
        wrong = "def widen(text):\n    return ' '.join(text) or None\n"
        assert verdicts(suite, sandbox, MBPP["code"], wrong, "") == [True, False, False]

    def test_only_those_for_testing(self, tmp_path: Path) -> None:
        rows = [{**MBPP, "task_id": number} for number in (1, 10, 11, 510, 511)]
        ids = [problem.id for problem in load("mbpp", tmp_path, *rows).problems]
        assert ids == ["Mbpp/11", "Mbpp/510"]
        with pytest.raises(DataError, match="task_id from 11 to 510"):
            load("mbpp", tmp_path, {**MBPP, "task_id": 7})


class TestCodeContests:
    def test_programs(self, tmp_path: Path, sandbox: Sandbox) -> None:
        suite = load("codecontests", tmp_path, CONTEST)
        found = verdicts(
            suite,
            sandbox,
            "print('', int(input()) * 2, '\\n')\n",
            "print(4)\n",
            "print(int(input()) * 2, 1)\n",
            "print(int(input()) * 2)\nraise SystemExit(1)\n",
        )
        assert found == [True, False, False, False]

    def test_limits_and_references(self, tmp_path: Path) -> None:
        short = {**CONTEST, "name": "x", "time_limit": {"seconds": 1, "nanos": 0}}
        bare = {**CONTEST, "name": "y", "time_limit": None, "solutions": None}
        first, second, third = load("codecontests", tmp_path, CONTEST, short, bare).problems
        assert first.seconds == 12.5
        assert second.seconds == 10
        assert third.seconds is None
        assert first.reference == "print(2 * int(input()))"
        assert third.reference is None


class TestDs1000:
    def test_answers_are_inserted(self, tmp_path: Path, sandbox: Sandbox) -> None:
        suite = load("ds-1000", tmp_path, DS1000)
        found = verdicts(
            suite,
            sandbox,
            "```python\nresult = np.array([2, 2, 2])\n```",
            "result = np.ones(3) + 1\n</code>\nEND SOLUTION\nis right",
            "result = np.ones(3)",
            "result = [2 for _ in range(3)]",
        )
        assert found == [True, True, False, False]

    def test_needs(self, tmp_path: Path) -> None:
        (problem,) = load("ds-1000", tmp_path, DS1000).problems
        assert problem.needs == ("numpy",)
        assert problem.id == "Numpy/7"


class TestBigCodeBench:
    def test_both_ways_to_ask(self, tmp_path: Path) -> None:
        (problem,) = load("bigcodebench-complete", tmp_path, BIGCODE).problems
        assert problem.instruction == BIGCODE["complete_prompt"].rstrip()
        (problem,) = load("bigcodebench-instruct", tmp_path, BIGCODE).problems
        assert problem.instruction == "Give x as JSON."

    def test_programs(self, tmp_path: Path, sandbox: Sandbox) -> None:
        suite = load("bigcodebench-instruct", tmp_path, BIGCODE)
        found = verdicts(
            suite,
            sandbox,
            "    return json.dumps(x)\n",
            "from json import dumps as task_func\n",
            "def task_func(x):\n    return '[1]'\n",
            "def task_func(x):\n    import unittest\n    raise unittest.SkipTest\n",
        )
        assert found[:3] == [True, True, False]

    def test_what_is_not_installed_is_named(self, tmp_path: Path) -> None:
        lacking = {**BIGCODE, "task_id": "b", "libs": "['json', 'not_there_at_all', 'numpy']"}
        suite = load("bigcodebench-complete", tmp_path, BIGCODE, lacking)
        assert [problem.id for problem in suite.problems] == ["BigCodeBench/0"]
        assert suite.label == (
            "bigcodebench-complete (1 problem left out that needs packages not installed: "
            "not_there_at_all)"
        )
        with pytest.raises(DependencyError, match="pip install not_there_at_all"):
            load("bigcodebench-complete", tmp_path, lacking)


@pytest.mark.parametrize(
    ("name", "row", "message"),
    [
        ("humaneval", {"task_id": "x"}, "row 1 has no field 'prompt'; its fields are task_id"),
        ("humaneval", {**HUMANEVAL, "test": 3}, "row 1: the field 'test' does not hold text"),
        ("mbpp", {**MBPP, "task_id": "x"}, "'task_id' does not hold a whole number"),
        ("mbpp", {**MBPP, "test_list": "x"}, "'test_list' does not hold a list of texts"),
        ("codecontests", {**CONTEST, "private_tests": {"input": ["x"]}}, "lists 'input' and"),
        ("codecontests", {"name": "x", "description": "y"}, "has no field 'public_tests'"),
        ("ds-1000", {**DS1000, "metadata": "x"}, "an object with 'problem_id'"),
        ("bigcodebench-complete", {**BIGCODE, "libs": "["}, "'libs' does not hold a list"),
        ("humaneval+", HUMANEVAL, "has no field 'base_input'"),
    ],
)
def test_a_row_that_is_none(name: str, row: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        load(name, tmp_path, row)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no rows"):
        load("humaneval", tmp_path)
    with pytest.raises(DataError, match="two problems with the id 'Own/0'"):
        load("humaneval", tmp_path, HUMANEVAL, HUMANEVAL)
    with pytest.raises(DataError, match="cannot be read: No such file"):
        load_suite("humaneval", tmp_path / "none.jsonl")
    (tmp_path / "x.jsonl").write_text("[1]\n")
    with pytest.raises(DataError, match="row 1 is no object with fields"):
        load_suite("humaneval", tmp_path / "x.jsonl")
    (tmp_path / "x.jsonl.gz").write_text("{}\n")
    with pytest.raises(DataError, match="cannot be read"):
        load_suite("humaneval", tmp_path / "x.jsonl.gz")
