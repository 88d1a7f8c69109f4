"""The check that runs tests."""

from __future__ import annotations

import pytest

from ondevice.checks import run_checks, tests
from ondevice.errors import RequestError
from ondevice.events import Finding

DOUBLE = "def double(n):\n    return n * 2\n"
HALF = "def half(n):\n    x = 1\n    return n / (x - 1)\n"


def test_a_right_program_passes() -> None:
    check = tests("assert double(2) == 4\nfor word in 'ab':\n    assert double(word) == word * 2")
    assert check.finished_only
    assert run_checks([check], DOUBLE) == ()
    assert run_checks([check], "from __future__ import annotations\n" + DOUBLE.rstrip("\n")) == ()
    assert run_checks([check], DOUBLE + "print('x')\ndef print(*_):\n    pass\n") == ()


@pytest.mark.parametrize(
    ("program", "code", "line", "message"),
    [
        (
            DOUBLE,
            "assert double(1) == 2\n\nassert double(3) == 7, 'seven'\nassert double(0) == 0\n",
            1,
            "AssertionError: seven, in line 3 of the tests: assert double(3) == 7, 'seven'",
        ),
        (
            HALF,
            "x = 1\nassert half(2) == 1",
            3,
            "ZeroDivisionError: division by zero, in line 2 of the tests: assert half(2) == 1",
        ),
        (DOUBLE + "double()\n", "pass", 3, "TypeError: double() missing 1 required"),
        (
            "def double(n):\n    try:\n        n / 0\n    except Exception:\n        assert n\n",
            "double(0)",
            5,
            "AssertionError, in line 1 of the tests: double(0)",
        ),
        ("", "assert double(2) == 4", 1, "NameError: name 'double' is not defined, in line 1"),
        (DOUBLE + "raise SystemExit(0)\n", "pass", 1, "exited before the last line of the tests"),
        (DOUBLE + "import os\nos._exit(3)\n", "pass", 1, "exit code 3"),
        (DOUBLE + "input()\n", "pass", 3, "EOFError: EOF when reading a line"),
    ],
)
def test_what_fails_and_where(program: str, code: str, line: int, message: str) -> None:
    (finding,) = run_checks([tests(code)], program)
    assert (finding.check, finding.line) == ("tests", line)
    assert finding.message.startswith(message)


def test_what_does_not_parse_is_not_run() -> None:
    """An open string would swallow the tests up to a string of theirs."""
    (finding,) = tests("""x = '''a'''\nassert 0, '''b'''""")("y = '''\n")
    assert finding == Finding("syntax", 1, finding.message)
    assert "unterminated triple-quoted string" in finding.message


def test_input_is_given() -> None:
    check = tests("assert word == 'hello'", stdin="hello\n")
    assert check("word = input()\n") == []
    assert check("word = input() + '!'\n") != []


def test_a_loop_runs_out_of_time() -> None:
    check = tests("double(2)", timeout=0.5)
    assert check("def double(n):\n    while True:\n        pass\n") == [
        Finding("tests", 1, "ran for more than 0.5 s")
    ]


@pytest.mark.parametrize(
    ("code", "timeout", "message"),
    [
        (" \n", 1.0, "the tests are empty"),
        ("x = 1\nassert f(1 ==\n", 1.0, "the tests do not parse: .*, line 2"),
        ("assert 1", 0.0, "above 0"),
        ("assert 1", float("nan"), "above 0"),
    ],
)
def test_tests_that_are_none(code: str, timeout: float, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        tests(code, timeout=timeout)
