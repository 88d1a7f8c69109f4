"""EvalPlus's files, on rows of this project's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ondevice.errors import CheckError, DataError
from ondevice.evaluation.judging import judge_all
from ondevice.evaluation.suites import Suite, load_suite
from ondevice.evaluation.suites.mbpp_inputs import restored
from ondevice.sandbox import Sandbox

ROW: dict[str, Any] = {
    "task_id": "HumanEval/0",
    "prompt": 'def third(x):\n    """The third part."""\n',
    "entry_point": "third",
    "canonical_solution": "    return x / 3\n",
    "base_input": [[3], [1]],
    "plus_input": [[-1], [float("inf")], [1e9]],
    "atol": 0,
    "contract": "\n    assert x == x\n",
    "test": "",
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=1) as opened:
        yield opened


def load(folder: Path, sandbox: Sandbox, name: str = "humaneval+", **changes: Any) -> Suite:
    path = folder / "plus.jsonl"
    path.write_text(json.dumps({**ROW, **changes}) + "\n")
    return load_suite(name, path).settled(sandbox)


def judge(suite: Suite, sandbox: Sandbox, program: str) -> tuple[bool, int | None]:
    (problem,) = suite.problems
    ((_, verdict),) = judge_all([(problem, problem.job(program))], sandbox)
    return verdict.passed, verdict.tests_passed


def function(body: str, name: str = "third") -> str:
    return f"def {name}(x):\n    {body}\n"


def test_outputs_are_compared_with_the_reference_s(tmp_path: Path, sandbox: Sandbox) -> None:
    suite = load(tmp_path, sandbox)
    assert judge(suite, sandbox, ROW["prompt"] + ROW["canonical_solution"]) == (True, 2)
    assert judge(suite, sandbox, function("return x * (1 / 3)")) == (True, 2)
    assert judge(suite, sandbox, function("return abs(x) / 3")) == (False, 1)
    assert judge(suite, sandbox, function("return x / 3.001")) == (False, 0)
    assert judge(suite, sandbox, function("return x // 3")) == (False, 0)
    assert judge(suite, sandbox, function("return x / 3", name="other")) == (False, 0)
    assert suite.stages == ("base",)


def test_an_object_that_claims_to_be_equal_is_not_right(tmp_path: Path, sandbox: Sandbox) -> None:
    suite = load(tmp_path, sandbox)
    fake = "class Fake{base}:\n    def __eq__(self, other):\n        return True\n"
    for base, value in (("", "Fake()"), ("(float)", "Fake(7.0)"), ("(str)", "Fake('x')")):
        program = f"{fake.format(base=base)}\n\n{function(f'return {value}')}"
        assert judge(suite, sandbox, program) == (False, 0)
        hidden = program + "\n\nFake.__module__ = 'builtins'\n"
        assert judge(suite, sandbox, hidden) == (False, 0)
    nested = load(tmp_path, sandbox, canonical_solution="    return [x]\n")
    program = f"{fake.format(base='')}\n\n{function('return [Fake()]')}"
    assert judge(nested, sandbox, program) == (False, 0)


def test_classes_of_the_standard_library_are_trusted(tmp_path: Path, sandbox: Sandbox) -> None:
    body = "    from collections import Counter\n    return Counter(str(x))\n"
    suite = load(tmp_path, sandbox, canonical_solution=body, plus_input=[[11]])
    assert judge(
        suite, sandbox, "from collections import Counter\n" + function("return Counter(str(x))")
    ) == (True, 2)
    assert judge(suite, sandbox, function("return {}")) == (False, 0)


@pytest.mark.parametrize(
    ("answer", "output", "tolerance", "right"),
    [
        ("[1, 2]", "[1, 2]", 0, True),
        ("[1, 2]", "(1, 2)", 0, False),
        ("[1, 2]", "[2, 1]", 0, False),
        ("None", "None", 0, True),
        ("'a'", "'b'", 0, False),
        ("[1.0, 2.0]", "[1.0, 2.0000001]", 0, True),
        ("[1.0, 2.0]", "(1.0, 2.0000001)", 0, False),
        ("[1.0, 2.0]", "[1.0, 2.001]", 0, False),
        ("[1.0, 2]", "[1.0000001, 2]", 0, False),
        ("1.0", "1", 0, True),
        ("1.5", "1.4999", 0.01, True),
        ("1", "1.001", 0.01, False),
        ("float('nan')", "float('nan')", 0, False),
        ("float('inf')", "float('inf')", 0, True),
        ("float('inf')", "1.0", 0, False),
        ("1.0", "float('inf')", 0, False),
        ("[1.5, 2j]", "[1.5, 2.00001j]", 0.001, True),
        ("{1: 2.0}", "{1: 2.0000001}", 0, False),
        ("[[1.5], [2.5]]", "[[1.5], [2.5004]]", 0.001, True),
        ("[[1.5], [2.5]]", "[[1.5]]", 0.001, False),
    ],
)
def test_how_close_is_right(
    answer: str, output: str, tolerance: float, right: bool, tmp_path: Path, sandbox: Sandbox
) -> None:
    changes = {"base_input": [[0]], "plus_input": [], "atol": tolerance}
    solution = f"    return {answer}\n"
    suite = load(tmp_path, sandbox, canonical_solution=solution, **changes)
    assert judge(suite, sandbox, function(f"return {output}"))[0] == right


def test_a_call_may_not_take_much_longer_than_the_reference_s(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    suite = load(tmp_path, sandbox, plus_input=[[2]], base_input=[[1]])
    slow = function("import time; time.sleep(1.2 * (x == 2)); return x / 3")
    assert judge(suite, sandbox, slow) == (False, 1)


def test_rules_of_some_tasks_of_mbpp(tmp_path: Path, sandbox: Sandbox) -> None:
    row = {
        "task_id": "Mbpp/900",
        "prompt": '"""\nWrite a function.\nassert f(1) == 1\n"""\n',
        "base_input": [[[3, 1, 1]]],
        "plus_input": [],
    }
    solution = "def {name}(x):\n    return list(x)\n"
    for name, answer, right in (
        ("Diff", "sorted(set(x))", True),
        ("Diff", "[3]", False),
        ("plain", "sorted(set(x))", False),
        ("check_str", "object()", True),
        ("check_str", "None", False),
        ("check_str", "True", True),
        ("sum_div", "0", True),
        ("sum_div", "1", False),
        ("are_equivalent", "7", True),
    ):
        suite = load(
            tmp_path,
            sandbox,
            "mbpp+",
            **row,
            entry_point=name,
            canonical_solution=solution.format(name=name),
        )
        assert judge(suite, sandbox, function(f"return {answer}", name))[0] == right, name
        assert suite.problems[0].instruction == "Write a function.\nassert f(1) == 1"


def test_a_root_is_right_wherever_it_lies(tmp_path: Path, sandbox: Sandbox) -> None:
    changes = {
        "entry_point": "find_zero",
        "prompt": "def find_zero(x):\n",
        "canonical_solution": "    return 2.0\n",
        "base_input": [[[-4.0, 0.0, 1.0]]],
        "plus_input": [],
        "atol": 1e-4,
    }
    suite = load(tmp_path, sandbox, **changes)
    assert judge(suite, sandbox, function("return -2.0", "find_zero"))[0]
    assert not judge(suite, sandbox, function("return 1.0", "find_zero"))[0]


def test_arguments_get_their_types_back() -> None:
    assert restored(2, [[1, 2], [3]]) == [(1, 2), (3,)]
    assert restored(63, [[[1, 2], [3, 4]]]) == [[(1, 2), (3, 4)]]
    assert restored(75, [[[1, 2]], 3]) == [[(1, 2)], 3]
    assert restored(106, [[1], [2]]) == [[1], (2,)]
    assert restored(115, [[[1], [], {}]]) == [[{1}, {}, {}]]
    assert restored(124, ["1.5", "2j"]) == [1.5, 2j]
    assert restored(252, ["1+2j"]) == [1 + 2j]
    assert restored(259, [[[1, 2]], [[3, 4]]]) == [((1, 2),), ((3, 4),)]
    assert restored(307, [[1], 2, 3]) == [(1,), 2, 3]
    assert restored(580, [[1, [2, [3]]]]) == [(1, (2, (3,)))]
    assert restored(722, [{"a": [1, 2]}, 5]) == [{"a": (1, 2)}, 5]
    assert restored(900, [[1]]) == [[1]]


def test_what_is_expected_is_kept(tmp_path: Path, sandbox: Sandbox) -> None:
    (tmp_path / "plus.jsonl").write_text(json.dumps(ROW) + "\n")
    suite, cache = load_suite("humaneval+", tmp_path / "plus.jsonl"), tmp_path / "cache"
    first = suite.settled(sandbox, cache)
    (kept,) = cache.iterdir()
    before = kept.stat().st_mtime_ns
    assert suite.settled(sandbox, cache) == first
    kept.write_text("torn")
    assert judge(suite.settled(sandbox, cache), sandbox, function("return x / 3")) == (True, 2)
    assert kept.stat().st_mtime_ns >= before


def test_a_reference_that_does_not_run(tmp_path: Path, sandbox: Sandbox) -> None:
    with pytest.raises(CheckError, match=r"HumanEval/0 does not run .*ZeroDivisionError"):
        load(tmp_path, sandbox, canonical_solution="    return 1 / 0\n")


def test_inputs_that_are_none(tmp_path: Path, sandbox: Sandbox) -> None:
    with pytest.raises(DataError, match="'plus_input' does not hold a list of argument lists"):
        load(tmp_path, sandbox, plus_input=[3])
    with pytest.raises(DataError, match="'base_input' does not hold arguments of this task's form"):
        load(tmp_path, sandbox, "mbpp+", task_id="Mbpp/124", base_input=[[1]])
