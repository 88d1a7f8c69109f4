"""Programs become edit sequences: every state is clean, and the way back is exact."""

from __future__ import annotations

import ast
import contextlib
import json
import random
from collections.abc import Sequence
from difflib import SequenceMatcher
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondevice.edits import LINTSEQ, Buffer, Edit
from ondevice.errors import CheckError, DataError
from ondevice.lintseq import linters, refactor, shrink
from ondevice.lintseq.insertions import insertions
from ondevice.lintseq.linters import fast
from ondevice.lintseq.needs import Layout
from ondevice.lintseq.seeds import weights

EVERYDAY = Path(__file__).parents[2] / "bench" / "everyday"

PROGRAM = '''\
"""A program with a bit of everything."""

import functools

LIMITS = [
    1,  # the first

    2,
]
TEXT = """
not code
"""
small = (
    3,
)


@functools.cache
def double(value):
    """Return the double.

    At length.
    """
    # A comment.
    if value in LIMITS:
        return TEXT
    else:
        return value * 2


class Box:
    @property
    def size(self):
        try:
            return double(
                4,
            )
        except ValueError:
            return 0
        finally:
            print("done")


print(Box().size, small)
'''


def programs() -> list[str]:
    """Every third program of two files: a sample that keeps this test to seconds."""
    found = []
    for name in ("numbers", "classes"):
        for line in (EVERYDAY / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            found += json.loads(line)["programs"]
    return found[::3]


def states(edits: Sequence[Edit]) -> list[str]:
    """Write the edits as a model would, read them back, and return each state."""
    buffer = Buffer()
    LINTSEQ.read(LINTSEQ.write_sequence(edits), buffer)
    found = [buffer.text]
    while buffer.version:
        buffer.take_back()
        found.append(buffer.text)
    return found[::-1]


def check(program: str, seed: int) -> list[Edit]:
    edits = refactor(program, random.Random(seed))
    found = states(edits)
    assert found[0] == ""
    assert found[-1] == program
    assert all(edit.insert_only and edit.hunks for edit in edits)
    assert [state for state in found if fast(state)] == []
    return edits


def test_everyday_programs() -> None:
    sample = programs()
    assert len(sample) > 100
    lengths = [len(check(program, seed=number)) for number, program in enumerate(sample)]
    assert sum(lengths) > 2 * len(lengths)  # most programs come in several edits


@pytest.mark.parametrize("seed", range(25))
def test_a_bit_of_everything(seed: int) -> None:
    check(PROGRAM, seed)


def test_the_same_seed_gives_the_same_edits() -> None:
    found = [refactor(PROGRAM, random.Random(seed)) for seed in (1, 1, 2)]
    assert found[0] == found[1]
    assert found[0] != found[2]


def test_a_missing_final_newline_is_added() -> None:
    assert states(refactor("x = 1", random.Random(0)))[-1] == "x = 1\n"


@pytest.mark.parametrize("end", ["\n\n\n", "\n# the end\n", "\n\\\n\n", "  \n"])
def test_odd_ends_are_kept(end: str) -> None:
    check("\n\n\n\nx = 1\n\n\n\n\ny = x" + end, seed=0)


def weights_of(lines: list[str]) -> list[float]:
    try:
        return weights(Layout(lines), ast.parse("\n".join(lines)))
    except SyntaxError:
        return weights(Layout(lines), None)


class TestSeeds:
    def test_what_never_is_one(self) -> None:
        lines = PROGRAM.removesuffix("\n").split("\n")
        idle = {line for line, weight in zip(lines, weights_of(lines), strict=True) if not weight}
        assert idle == {
            *("", "    # A comment.", "    1,  # the first", "    2,", "]"),
            *("not code", '"""'),
        }

    def test_deeper_lines_are_likelier(self) -> None:
        lines = ["if x:", "    y", "    if z:", "        y", "            odd", "  two", "\ttab"]
        assert weights_of(lines) == [1, 1, 1, 2, 3, 1, 1]

    def test_a_program_of_comments_is_one_edit(self) -> None:
        assert len(check("# one\n\n# two\n", seed=0)) == 1

    def test_only_names_in_capitals_protect_their_value(self) -> None:
        assert weights_of(["A, b = [", "    1,", "], 2"]) == [1, 1, 1]
        assert weights_of(["A: list = [", "    1,", "]"]) == [1, 0, 0]
        assert weights_of(["A = B = [", "    1,", "]"]) == [1, 0, 0]
        assert weights_of(["A = [", "    1,"]) == [1, 1]  # nobody can tell in what does not parse


class TestWhatALineTakesAlong:
    """From a program without its seed: what remains is found by the linter, not by luck."""

    @pytest.mark.parametrize(
        ("program", "gone", "left"),
        [
            ("@a\ndef f():\n    x = 1\nprint(2)\n", 2, "print(2)\n"),
            ("try:\n    x = 1\nexcept OSError:\n    y = 2\nprint(3)\n", 2, "print(3)\n"),
            ("if 1:\n    x = 1\nelse:\n    y = 2\nprint(3)\n", 0, "print(3)\n"),
            ("print(\n    1,\n)\nprint(3)\n", 2, "print(3)\n"),
            ("print(\n    1,\n)\nprint(3)\n", 0, "print(3)\n"),
            ("x = 1\nprint(x)\nprint(3)\n", 0, "print(3)\n"),
            (
                "def f():\n    '''\n    Text.\n    '''\n    return 1\n",
                3,
                "def f():\n    return 1\n",
            ),
        ],
    )
    def test_its_dependents(self, program: str, gone: int, left: str) -> None:
        program = program.replace("@a", "@staticmethod")

        class First(random.Random):
            def choices(self, population, weights):  # type: ignore[no-untyped-def, override]
                return [gone if len(population) == program.count("\n") else population[0]]

        found = shrink(program, First())
        assert "".join(f"{line}\n" for line in found[1]) == left


class TestRefused:
    @pytest.mark.parametrize("program", ["", "\n", "  \n\n"])
    def test_an_empty_program(self, program: str) -> None:
        with pytest.raises(DataError, match="empty"):
            refactor(program, random.Random(0))

    @pytest.mark.parametrize(
        ("program", "line"), [("x = 1\nprint(y)\n", 2), ("x = (\n", 1), ("return 1\n", 1)]
    )
    def test_a_program_that_the_linter_objects_to(self, program: str, line: int) -> None:
        with pytest.raises(DataError, match=f"objects to the program itself, first in line {line}"):
            refactor(program, random.Random(0))

    @pytest.mark.parametrize("program", ["x = 1\r\n", "x = 1\ry = 2\n"])
    def test_a_carriage_return(self, program: str) -> None:
        with pytest.raises(DataError, match="carriage return"):
            refactor(program, random.Random(0))

    def test_a_linter_that_cannot_judge(self) -> None:
        with pytest.raises(CheckError):
            refactor("a" + ".b" * 200_000, random.Random(0))


def test_insertions_where_difflib_moves_lines() -> None:
    before, after = list("xabc"), list("abcxaybyc")
    blocks = SequenceMatcher(None, before, after).get_matching_blocks()
    assert blocks[0][:2] == (1, 0)  # so that difflib deletes the x
    edit = insertions(before, after)
    assert edit.insert_only
    buffer = Buffer(before)
    buffer.apply(edit)
    assert list(buffer.lines) == after


@given(st.lists(st.sampled_from("abcx"), max_size=30), st.randoms(use_true_random=False))
def test_insertions_lead_from_any_part_to_the_whole(after: list[str], rng: random.Random) -> None:
    before = [line for line in after if rng.random() < 0.5]
    buffer = Buffer(before)
    edit = insertions(before, after)
    assert edit.insert_only
    buffer.apply(edit)
    assert list(buffer.lines) == after


class TestTheLoopEnds:
    @settings(max_examples=60, deadline=None)
    @given(st.sets(st.integers(0, PROGRAM.count("\n") - 1)), st.integers(0, 3))
    def test_with_lines_missing(self, missing: set[int], seed: int) -> None:
        lines = [line for number, line in enumerate(PROGRAM.split("\n")) if number not in missing]
        self.ends("\n".join(lines), seed)

    @settings(max_examples=60, deadline=None)
    @given(st.text("ab()[]:#@'\"\\ \t\n=,\x0c\u2028") | st.text(), st.integers(0, 3))
    def test_with_garbage(self, text: str, seed: int) -> None:
        self.ends(text, seed)

    @settings(max_examples=60, deadline=None)
    @given(st.integers(0, 1000))
    def test_with_a_linter_that_names_any_line(self, seed: int) -> None:
        rng = random.Random(seed)

        def moody(program: str) -> list[int]:
            if program == PROGRAM:
                return []
            return [rng.randrange(-1, 60) for _ in range(rng.randrange(3))]

        edits = refactor(PROGRAM, random.Random(seed), moody)
        assert states(edits)[-1] == PROGRAM

    def ends(self, text: str, seed: int) -> None:
        with contextlib.suppress(DataError, CheckError):
            check(text if text.endswith("\n") else text + "\n", seed)


class TestLinters:
    def test_none_deletes_at_random(self) -> None:
        edits = refactor(PROGRAM, random.Random(3), linters.none)
        found = states(edits)
        assert found[-1] == PROGRAM
        assert any(fast(state) for state in found)
        assert all(edit.insert_only for edit in edits)

    def test_none_takes_a_broken_program(self) -> None:
        program = "def f(:\n    x\n"
        assert states(refactor(program, random.Random(0), linters.none))[-1] == program

    def test_an_unknown_one(self) -> None:
        with pytest.raises(DataError, match="no linter is called 'flake8'; there are fast"):
            linters.get("flake8")

    def test_pylint(self, capfd: pytest.CaptureFixture[str]) -> None:
        pytest.importorskip("pylint")
        program = "import nowhere_to_be_found as n\n\n\ndef f(a):\n    b = a + n.c\n    return b\n"
        edits = refactor(program, random.Random(0), linters.pylint)
        found = states(edits)
        assert found[-1] == program
        assert [state for state in found if state and linters.pylint(state)] == []
        assert linters.pylint("x = 1\nprint(y)\n") == [2]
        assert linters.pylint("if 1:\n  x = 1\n") == [2]  # W0311
        assert linters.pylint("x = (\n") == [1]
        assert capfd.readouterr() == ("", "")
