"""Whatever a file holds, refactoring it ends: in a sequence that writes it, or with a reason."""

from __future__ import annotations

import functools
import json
import random
import tokenize
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ondevice.edits import LINTSEQ, Buffer, Edit
from ondevice.errors import CheckError, DataError
from ondevice.lintseq import linters, refactor
from ondevice.lintseq.history import History
from ondevice.lintseq.linters import Linter

EVERYDAY = Path(__file__).parents[2] / "bench" / "everyday"

ODD = [
    *("\0", "\t", " \t", "\f", "\v", "\r", "\r\n", "\n", "\n\n\n\n", "\\\n", "\ufeff", "\u2028"),
    *("\x85", "\u00a0", "\ud800", "\U0001f600", ";", "#", ":", "@", "'", '"', "'''", '"""', "`"),
    *("(", ")", "[", "]", "{", "}", "+", "-", "@@", "<|diff|>", "\\ No newline at end of file"),
    *("ünïcödé", "ﬁ", "名前", "_", "__all__", "*", "**", "->", ":=", "$", "?", "0x", "1_", "\\N{"),
]
"""What is put into programs."""

LINES = [
    *("@@ -0,0 +1 @@", "+x = 1", "<|diff|>", "-", "+", "@functools.cache", "@", "else:", "try:"),
    *("    ", "\t\tpass", "  \t x = 1", "\f", "\fx = 1", "x = 1; y = 2; return", "if 1: x = 1"),
    *("x = (", ")", "x = \\", "'''", '"""', 'x = f"{f"{1}"}"', "x = '''a", "    # comment", "#"),
    *("import nowhere", "from . import y", "from nowhere import *", "global x", "nonlocal x"),
    *("def f(): return x", "class A: b = 1", "lambda: (yield)", "async def f(): await g()"),
    *("match x:", "    case [a, *b] if a:", "del x", "ALL = [", "    1,", "]", "x: int", "x: 'y'"),
    *("print(" + "(" * 99 + ")" * 99 + ")", "x = " + "-" * 300 + "1", "x = '" + "a" * 3000 + "'"),
    *("with a as b, c as d:", "except* OSError:", "finally:", "raise", "assert 0, 1", "..."),
]
"""What is put between lines."""


@functools.cache
def programs() -> list[str]:
    """Programs of every file, the shorter ones: what a mutation reaches is then seldom deep."""
    found = []
    for file in sorted(EVERYDAY.glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines()[::4]:
            found += json.loads(line).get("programs", [])
    return [program for program in found if len(program) < 1500]


def put_odd(program: str, rng: random.Random) -> str:
    place = rng.randrange(len(program) + 1)
    return program[:place] + rng.choice(ODD) + program[place:]


def drop_characters(program: str, rng: random.Random) -> str:
    place = rng.randrange(len(program) + 1)
    return program[:place] + program[place + rng.randrange(1, 5) :]


def put_line(program: str, rng: random.Random) -> str:
    lines = program.split("\n")
    place = rng.randrange(len(lines) + 1)
    indent = " " * rng.choice([0, 0, 4, 4, 8, 3])
    return "\n".join([*lines[:place], indent + rng.choice(LINES), *lines[place:]])


def drop_line(program: str, rng: random.Random) -> str:
    lines = program.split("\n")
    del lines[rng.randrange(len(lines))]
    return "\n".join(lines)


def repeat_lines(program: str, rng: random.Random) -> str:
    lines = program.split("\n")
    first = rng.randrange(len(lines))
    part = lines[first : first + rng.randrange(1, 6)]
    place = rng.randrange(len(lines))
    return "\n".join([*lines[:place], *part, *lines[place:]])


def indent_lines(program: str, rng: random.Random) -> str:
    """Move some lines; where all below a line move alike, the program stays whole."""
    lines = program.split("\n")
    first = rng.randrange(len(lines))
    last = first + rng.randrange(1, 8)
    how: Callable[[str], str] = rng.choice(
        [
            lambda line: "    " + line,
            lambda line: "\t" + line,
            lambda line: line.replace("    ", "\t"),
            lambda line: line.replace("    ", "  "),
            lambda line: line.removeprefix("    "),
        ]
    )
    return "\n".join([*lines[:first], *map(how, lines[first:last]), *lines[last:]])


def swap_tokens(program: str, rng: random.Random) -> str:
    """Put a token where another one stands."""
    try:
        tokens = [
            token
            for token in tokenize.generate_tokens(StringIO(program).readline)
            if token.string.strip()
        ]
    except (tokenize.TokenError, SyntaxError):
        return program
    if not tokens:
        return program
    target, source = rng.choice(tokens), rng.choice(tokens)
    lines = program.split("\n")
    row = target.start[0] - 1
    if target.end[0] - 1 == row < len(lines):
        line = lines[row]
        lines[row] = line[: target.start[1]] + source.string + line[target.end[1] :]
    return "\n".join(lines)


def break_a_line(program: str, rng: random.Random) -> str:
    """Go on with a line on the next one, or join two lines by a semicolon."""
    place = rng.choice([n for n, one in enumerate(program) if one in " \n"] or [0])
    return program[:place] + rng.choice([" \\\n", ";", "\n", "  # c\n"]) + program[place + 1 :]


def nest(program: str, rng: random.Random) -> str:
    depth = rng.choice([2, 20, 95, 110])
    if rng.random() < 0.5:
        opened = rng.choice(["(", "[", "{0: ", "f(", "-", "not ", "lambda: "])
        closed = {"(": ")", "[": "]", "{0: ": "}", "f(": ")"}.get(opened, "")
        return f"{program}\nnested = {opened * depth}1{closed * depth}\n"
    head = "".join(f"{' ' * level}if {level}:\n" for level in range(depth))
    return head + "\n".join(" " * depth + line for line in program.split("\n"))


def change_envelope(program: str, rng: random.Random) -> str:
    return rng.choice(
        [
            program.replace("\n", "\r\n"),
            program.replace("\n", "\r", 1),
            "\ufeff" + program,
            program.removesuffix("\n"),
            program + "\n" * 5,
            "\n" * 5 + program,
            "#!/usr/bin/env python\n# -*- coding: latin-1 -*-\n" + program,
            program.replace("\n", " \n"),
        ]
    )


MUTATIONS = [
    *(put_odd, drop_characters, put_line, drop_line, repeat_lines, indent_lines, swap_tokens),
    *(break_a_line, nest, change_envelope),
]


@st.composite
def mutated(draw: st.DrawFn) -> str:
    program = draw(st.sampled_from(programs()))
    rng = random.Random(draw(st.integers(0, 2**32)))
    for mutation in draw(st.lists(st.sampled_from(MUTATIONS), min_size=1, max_size=4)):
        program = mutation(program, rng)
    return program


def check(program: str, linter: Linter, seed: int = 0) -> list[Edit] | None:
    """Refactor a program and read it back; None if it was refused, with a reason."""
    try:
        edits = refactor(program, random.Random(seed), linter)
    except (DataError, CheckError):
        return None
    buffer = Buffer()
    read = LINTSEQ.read(LINTSEQ.write_sequence(edits), buffer)
    assert list(read) == edits
    assert buffer.text == (program if program.endswith("\n") else program + "\n")
    assert all(edit.insert_only and edit.hunks for edit in edits)
    return edits


def check_states(program: str, linter: Linter, seed: int = 0) -> bool:
    """Refactor a program and judge each of its states; False if it was refused."""
    edits = check(program, linter, seed)
    if edits is None:
        return False
    for state, _ in History(edits).states():
        assert linter(state) == [], state
    return True


FUZZ = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@settings(FUZZ, max_examples=400)
@given(mutated(), st.integers(0, 3))
def test_mutated_programs(program: str, seed: int) -> None:
    check_states(program, linters.fast, seed)


@settings(FUZZ, max_examples=100)
@given(mutated(), st.integers(0, 3))
def test_without_a_linter(program: str, seed: int) -> None:
    refused = check(program, linters.none, seed) is None
    assert refused == (not program.strip() or "\r" in program)


@settings(FUZZ, max_examples=25)
@given(mutated())
def test_pylint(program: str) -> None:
    pytest.importorskip("pylint")
    check_states(program, linters.pylint)


@settings(FUZZ, max_examples=100)
@given(st.text(), st.integers(0, 3))
def test_any_text(text: str, seed: int) -> None:
    check_states(text, linters.fast, seed)


def test_many_mutations_leave_a_program_that_is_refactored() -> None:
    """Were nearly all refused, the tests above would test little."""
    rng = random.Random(0)
    accepted = 0
    for number in range(200):
        mutation = MUTATIONS[number % len(MUTATIONS)]
        accepted += check(mutation(rng.choice(programs()), rng), linters.fast) is not None
    assert accepted > 50


@pytest.mark.parametrize(
    "program",
    [
        "x = 1\0\n",
        "\ufeffx = 1\n",
        "x = '\ud800'\n",
        "\fx = 1\n\f\ndef f():\n\f    return x\n",
        "if 1:\n\tx = 1\n        y = 2\n",
        "if 1:\n\tx = 1\n\ty = 2\n",
        "ﬁx = 1\nprint(fix)\n",
        "x = 1; y = x; print(y)\n",
        "class A: pass\n",
        "x = f'{f\"{1}\"}'\n",
        "a = b = [\n]\n",
        "@a\n@b\ndef f(): pass\n",
        "x = 1 \\\n    + 2\n",
        "x = 1 \\\n",
        "x = '''\n@@ -0,0 +1 @@\n<|diff|>\n'''\n",
        "x = '''\n<|diff|>\n\\ No newline at end of file\n'''\n",
        "\\ No newline at end of file\n",
        "# -*- coding: latin-1 -*-\nx = 'ü'\n",
        "# -*- coding: nowhere -*-\nx = 1\n",
        "x = '\u2028'\ny = '\x85'\nz = '\x0c'\n",
        "(" * 5000 + ")" * 5000 + "\n",
        "x = " + "-" * 100_000 + "1\n",
        "".join(f"{' ' * depth}if 1:\n" for depth in range(120)) + " " * 120 + "x = 1\n",
        "x = 1" + "\n" * 3000,
        "#\n" * 3000,
        "from nowhere import *\nprint(anything)\n",
    ],
)
def test_one_by_one(program: str) -> None:
    for linter in (linters.fast, linters.none):
        for seed in range(3):
            check(program, linter, seed)
    check_states(program, linters.fast)


@pytest.mark.timeout(120)
def test_ten_thousand_lines() -> None:
    functions = [
        f"def function_{number}(value):\n    total = value + {number}\n"
        f"    return function_{number // 2}(total)\n\n\n"
        for number in range(2000)
    ]
    program = "".join(functions)
    assert program.count("\n") == 10_000
    edits = check(program, linters.fast)
    assert edits is not None
    assert len(edits) > 100


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "line", ["x = '{}'", "x = [{}]", "# {}"], ids=["string", "list", "comment"]
)
def test_a_line_of_a_megabyte(line: str) -> None:
    filling = "1, " * (2**20 // 3)
    program = f"y = 2\n{line.format(filling)}\nprint(y)\n"
    assert check_states(program, linters.fast)
