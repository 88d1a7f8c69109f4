"""Verdicts on Python programs, with the line to blame."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondevice.checks import names, syntax
from ondevice.errors import CheckError

DEEP = {
    "operators": "-" * 200_000 + "1",
    "attributes": "a" + ".b" * 200_000,
    "sums": "+".join(["1"] * 100_000),
}


@pytest.mark.parametrize(
    ("program", "line", "message"),
    [
        ("x = (1,\n     2\ny = 3\n", 1, "never closed"),
        ("x = 1\nif x:\n", 2, "expected an indented block"),
        ("x = 1\nif x:\ny = 2\n", 2, "expected an indented block"),
        ("def f():\n    '''doc\n    return 1\n", 2, "unterminated triple-quoted"),
        ("x = 1\n  y = 2\n", 2, "unexpected indent"),
        ("x = 1\nelse:\n    y = 2\n", 2, "invalid syntax"),
        ("x = 1)\n", 1, "unmatched"),
        ("return 1\n", 1, "'return' outside function"),
        ("x = 1\nbreak\n", 2, "'break' outside loop"),
        ("for x in []:\n    def f():\n        continue\n", 3, "not properly in loop"),
        ("x = 1\nyield x\n", 2, "'yield' outside function"),
        ("def f(a, a):\n    pass\n", 1, "duplicate argument"),
        ("x = 'a\0b'\n", 1, "null"),
        ("x = '\ud800'\n", 1, "surrogates"),
    ],
)
def test_syntax(program: str, line: int, message: str) -> None:
    (finding,) = syntax(program)
    assert (finding.check, finding.line) == ("syntax", line)
    assert message in finding.message
    assert names(program) == [finding]


@pytest.mark.parametrize(
    ("program", "line"),
    [
        ("try:\n    x = 1\nprint(2)\n", 1),
        ("try:\n    try:\n        a = 1\n    except OSError:\n        b = 2\nprint(2)\n", 1),
        ("if 1:\n    try:\n        x = 1\n", 2),
        ("try:\n    pass\nfinally:\n    pass\ntry:\n    # note\n    y = 1\nz = 2\n", 5),
        ("@staticmethod\nprint(2)\n", 1),
        ("x = 1\n@staticmethod\n", 2),
        ("class A:\n    x = 1\n    @property\n    # note\n    y = 2\n", 3),
        ("class A:\n    x = 1\n    @property\ny = 2\n", 3),
        ("@staticmethod\n@property\nx = 1\n", 2),
        ("x = 1\n@property\ndef f(:\n    pass\n", 3),
    ],
)
def test_what_lacks_its_other_half_is_to_blame(program: str, line: int) -> None:
    assert [finding.line for finding in syntax(program)] == [line]


@pytest.mark.parametrize(
    ("program", "findings"),
    [
        ("print(x)\n\nprint(y)\n", [(1, "undefined name 'x'"), (3, "undefined name 'y'")]),
        ("def f():\n    return g()\n", [(2, "undefined name 'g'")]),
        (
            "x = 1\ndef f():\n    print(x)\n    x = 2\n",
            [(3, "local variable 'x' defined in enclosing scope on line 1 referenced")],
        ),
        ("__all__ = ['f']\n", [(1, "undefined name 'f' in __all__")]),
        ("def f(a: 'Nope'):\n    return a\n", [(1, "undefined name 'Nope'")]),
    ],
)
def test_names(program: str, findings: list[tuple[int, str]]) -> None:
    found = names(program)
    assert {finding.check for finding in found} == {"names"}
    assert len(found) == len(findings)
    for finding, (line, message) in zip(found, findings, strict=True):
        assert finding.line == line
        assert finding.message.startswith(message)
    assert syntax(program) == []


@pytest.mark.parametrize(
    "program",
    [
        "",
        "\n\n",
        "# note\n",
        "import a_package_that_nobody_has\na_package_that_nobody_has.run()\n",
        "from nowhere import *\nprint(anything)\n",
        "import os\nunused = 1\n",
        "def f():\n    return g()\n\ndef g():\n    return f()\n",
        "print(__name__, __file__)\n",
        "async def f():\n    await f()\n",
        "match 1:\n    case [x, *rest]:\n        print(x, rest)\n",
        "print(f'{1!r:>{2}}')\n",
        "def f():\n    '''\n    >>> nope\n    '''\n",
    ],
)
def test_programs_that_pass(program: str) -> None:
    assert syntax(program) == names(program) == []


@pytest.mark.parametrize("program", DEEP.values(), ids=DEEP)
def test_deep_nesting_is_no_verdict(program: str) -> None:
    for check in (syntax, names):
        with pytest.raises(CheckError, match="nested too deeply"):
            check(program)


def test_deep_indentation_is_a_finding() -> None:
    program = "".join("    " * depth + "if 1:\n" for depth in range(150)) + "    " * 150 + "pass\n"
    assert "too many levels" in names(program)[0].message


def test_nothing_is_printed() -> None:
    """Not for what Python itself warns of, in whatever mode, nor for doctests."""
    code = (
        "from ondevice.checks import names\n"
        "names('x = \"\\\\d\" is 1\\ny: \"\\'\\\\d\\'\" = 3\\nassert (x, y)\\n')\n"
        'assert not names(\'def f():\\n    """\\n    >>> nope\\n    """\\n\')\n'
    )
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, "PYFLAKES_DOCTEST": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["try:", "    try:", "@a", "    @a", "def f():", "    x = 1", "except:", "x", "", ")"]
        )
        | st.text(max_size=8),
        max_size=10,
    ).map("\n".join)
)
def test_whatever_the_text_a_finding_names_one_of_its_lines(text: str) -> None:
    for finding in names(text):
        assert 1 <= finding.line <= text.count("\n") + text.count("\r") + text.count("\x0c") + 1
