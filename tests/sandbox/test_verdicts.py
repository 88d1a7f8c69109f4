"""What programs are told that mean no harm."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ondevice.sandbox import Assertions, Harness, Job, Limits, Output, Sandbox, Verdict

DOUBLE = "def double(n):\n    return n * 2\n"
TESTS = ("assert double(2) == 4", "assert double('a') == 'aa'")
CHECK = "def check(candidate):\n    assert candidate(2) == 4\n    assert candidate(3) == 6, 'six'\n"


@pytest.fixture(scope="module", params=["fork", "spawn"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    fork = request.param == "fork"
    with Sandbox(limits=Limits(seconds=10 if fork else 20), fork=fork) as opened:
        yield opened


def tell(sandbox: Sandbox, program: str, *tests: str, setup: str = "", stdin: str = "") -> Verdict:
    return sandbox.judge_one(Job(program, Assertions(tests or TESTS, setup, stdin)))


def test_right_programs_pass(sandbox: Sandbox) -> None:
    right = Verdict(True, "passed", tests_passed=2)
    assert tell(sandbox, DOUBLE) == right
    assert tell(sandbox, "from __future__ import annotations\n" + DOUBLE.rstrip("\n")) == right
    assert tell(sandbox, "print('hello')\n" + DOUBLE + "def print(*_):\n    pass\n") == right
    assert tell(sandbox, "if __name__ == '__main__':\n    double = lambda n: n * 2\n") == right


@pytest.mark.parametrize(
    ("program", "status", "reason"),
    [
        ("def double(n):\n    return n + 2\n", "error", "TypeError"),
        ("def double(n):\n    return 0\n", "failed", "AssertionError"),
        ("def double(n)\n    return 2\n", "error", "SyntaxError: expected ':'"),
        (DOUBLE + "x = '''\n", "error", "SyntaxError: unterminated triple-quoted string literal"),
        (DOUBLE + "x = 1 / 0\n", "error", "ZeroDivisionError: division by zero"),
        (DOUBLE + "assert False, 'own'\n", "error", "AssertionError: own"),
        (DOUBLE + "input()\n", "error", "EOFError: EOF when reading a line"),
        (DOUBLE + "raise SystemExit(0)\n", "exited", "exited before the last test"),
        (DOUBLE + "import os\nos._exit(3)\n", "exited", "exit code 3"),
        (DOUBLE + "import os\nos.abort()\n", "crashed", "ended by SIGABRT"),
        ("x = [0] * (1 << 36)\n", "memory", "MemoryError"),
        ("def double(n):\n    return double(n)\n", "error", "RecursionError: maximum recursion"),
        ("x = '\\udcff'\nraise ValueError(x)\n", "error", "ValueError"),
        ("x = '\0'\n", "error", ""),
        ("(" * 5000, "error", ""),
        ("class E(Exception):\n    def __str__(self):\n        1 / 0\nraise E", "error", "E"),
    ],
)
def test_wrong_programs_are_told_why(
    sandbox: Sandbox, program: str, status: str, reason: str
) -> None:
    verdict = tell(sandbox, program)
    assert not verdict.passed
    assert (verdict.status, verdict.reason[: len(reason)]) == (status, reason)


def test_where_it_failed(sandbox: Sandbox) -> None:
    program = "import math\n\ndef half(n):\n    return n / (n - 1)\n"
    tests = ("x = 2\nassert half(x) == 2", "x = 2\n\ny = 1\nassert half(y) == 3", "assert 0")
    verdict = tell(sandbox, program, *tests)
    assert (verdict.line, verdict.test, verdict.test_line) == (4, 1, 4)
    assert verdict.tests_passed == 1
    verdict = tell(sandbox, DOUBLE, "assert double(1) == 2", "assert double(1) == 3, 'three'")
    assert (verdict.line, verdict.test, verdict.test_line) == (None, 1, 1)
    assert verdict.reason == "AssertionError: three"
    verdict = tell(sandbox, DOUBLE + "\ndouble()\n", "assert True")
    assert (verdict.line, verdict.test, verdict.tests_passed) == (4, None, None)
    verdict = tell(sandbox, DOUBLE, "assert True", setup="import math\nassert math.pi < 3")
    assert (verdict.test, verdict.tests_passed, verdict.status) == (None, None, "failed")


def test_tests_share_names_and_have_a_setup(sandbox: Sandbox) -> None:
    assert tell(sandbox, DOUBLE, "x = double(2)", "assert x == four", setup="four = 4").passed
    assert tell(sandbox, "word = input()\n", "assert word == 'hello'", stdin="hello\n").passed


def test_tests_that_do_not_parse_together(sandbox: Sandbox) -> None:
    assert tell(sandbox, DOUBLE, "x = 1", "from __future__ import annotations").passed
    verdict = tell(sandbox, DOUBLE, "assert double(")
    assert (verdict.status, verdict.reason[:25]) == ("error", "the tests do not compile:")


def test_a_harness(sandbox: Sandbox) -> None:
    def judge(program: str) -> Verdict:
        return sandbox.judge_one(Job(program, Harness(CHECK, "double"), id="x"))

    assert judge(DOUBLE).passed
    verdict = judge("def double(n):\n    return 4\n")
    assert (verdict.status, verdict.reason, verdict.test_line) == (
        "failed",
        "AssertionError: six",
        3,
    )
    assert judge("def triple(n):\n    return 4\n").reason.startswith("NameError: name 'double'")


def test_scripts(sandbox: Sandbox) -> None:
    add = "print(sum(map(int, input().split())))\n"

    def judge(program: str, *cases: tuple[str, str], exact: bool = True) -> Verdict:
        return sandbox.judge_one(Job(program, Output(cases, exact)))

    assert judge(add, ("1 2 3\n", "6\n"), ("1\n", "1\n")) == Verdict(True, "passed", tests_passed=2)
    verdict = judge(add, ("1\n", "1\n"), ("1 2 3\n", "7\n"))
    assert (verdict.status, verdict.reason, verdict.test) == ("failed", r"printed '6\n'", 1)
    assert judge("print('é', end='')\n", ("", "é")).passed
    assert not judge("print('1  2 ')\n", ("", "1 2\n")).passed
    assert judge("print('1  2 ')\n", ("", "1 2\n"), exact=False).passed
    assert judge("print(6)\nexit(2)\n", ("", "6\n")).reason == "exit code 2"
    assert judge("print(6)\nexit(0)\n", ("", "6\n")).passed
    assert judge("print(6)\n1 / 0\n", ("", "6\n")).reason == "ZeroDivisionError: division by zero"
    assert judge("x = [0] * (1 << 36)\n", ("", "")).status == "memory"
    assert judge("print(6)\nimport os\nos.abort()\n", ("", "6\n")).status == "crashed"


def test_how_scripts_end(sandbox: Sandbox) -> None:
    """As the interpreter ends them: after their threads, with their exit functions, flushed."""
    program = """
import atexit, sys, threading, time
def late():
    time.sleep(0.1)
    print("thread")
threading.Thread(target=late).start()
atexit.register(print, "exit")
sys.stderr.write("error")
print("main", end=" ")
"""
    outcome = sandbox.run(program)
    assert (outcome.status, outcome.code, outcome.stderr) == ("ended", 0, "error")
    assert outcome.stdout == "main thread\nexit\n"
    assert sandbox.run("import sys\nsys.exit('why')").stderr == "why\n"
    assert sandbox.run("import sys\nsys.exit('why')").code == 1
    assert sandbox.run("import os\nprint(os.listdir())\nopen('f', 'w')").stdout == "[]\n"


def test_time_runs_out(sandbox: Sandbox) -> None:
    limits = Limits(seconds=1.5)
    job = Job("while True:\n    pass\n", Assertions(TESTS), limits=limits)
    verdict = sandbox.judge_one(job)
    assert (verdict.status, verdict.reason) == ("timeout", "ran for more than 1.5 s")
    assert sandbox.run("import time\ntime.sleep(9)", limits=limits).status == "timeout"


def test_processor_time_runs_out(sandbox: Sandbox) -> None:
    if "cpu" not in sandbox.protections:
        pytest.skip("processor time is not limited on this machine")
    job = Job("while True:\n    pass\n", Assertions(TESTS), limits=Limits(seconds=60, cpu=1))
    verdict = sandbox.judge_one(job)
    assert (verdict.status, verdict.reason) == (
        "timeout",
        "used more than 1 s of processor time",
    )


def test_modules_of_the_installation_can_be_imported(sandbox: Sandbox) -> None:
    assert tell(sandbox, "import numpy as np\nx = np.arange(3).sum()\n", "assert x == 3").passed
    assert tell(
        sandbox,
        "import pickle, dataclasses\n@dataclasses.dataclass\nclass A:\n    x: int\n",
        "assert pickle.loads(pickle.dumps(A(1))) == A(1)",
    ).passed
