"""Families: what a draw fills in, and what is wrong with one."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import pytest

from ondevice.errors import DataError
from ondevice.training.tuning.families import Family, draw, read_families, untyped, wordings

KEEP = {
    "entry": ("keep", "only"),
    "signature": "($seq: list[int], limit: int = 3) -> list[int]",
    "doc": ("Keep what is $word than the limit.",),
    "asks": ("keep what is $word", "write $entry($seq) for the $word ones"),
    "slots": {"seq": ("numbers", "values")},
    "cases": ({"word": "larger", "op": ">"}, {"word": "smaller", "op": "<"}),
    "programs": (
        "\ndef $entry$signature:\n    $doc\n    return [n for n in $seq if n $op limit]\n",
        "def $entry$signature:\n    return list(filter(lambda n: n $op limit, $seq))",
    ),
    "calls": ("$entry([1, 5])", "$entry([], 1)", "$entry([2, 3, 4])"),
}


def family(**changes: Any) -> Family:
    return Family("f/keep", **{**KEEP, **changes})


def draws(one: Family, count: int = 200) -> list[Any]:
    return [draw(one, random.Random(seed)) for seed in range(count)]


def test_a_draw_fills_request_program_and_values_alike() -> None:
    seen = set()
    for drawn in draws(family()):
        larger = "larger" in drawn.asks[0]
        assert drawn.asks[1].startswith(f"write {drawn.entry_point}(")
        assert all(f"n {'>' if larger else '<'} limit" in text for text in drawn.programs)
        assert [value for _, value in drawn.examples] == (
            ["[5]", "[]", "[4]"] if larger else ["[1]", "[]", "[2]"]
        )
        assert drawn.examples[0][0] == f"{drawn.entry_point}([1, 5])"
        typed = "list[int]" in drawn.programs[0]
        assert typed == ("int = 3" in drawn.signature)
        seen.add((larger, drawn.entry_point, typed, '"""' in drawn.programs[0]))
    assert len(seen) == 16


def test_the_docstring_stands_where_the_program_says_or_not_at_all() -> None:
    for drawn in draws(family()):
        lines = drawn.programs[0].splitlines()
        assert lines[0].startswith("def ")
        assert lines[-1].startswith("    return")
        if len(lines) == 3:
            assert re.fullmatch(r'    """Keep what is \w+ than the limit\."""', lines[1])
        else:
            assert len(lines) == 2


def test_wordings_are_unlike_and_show_right_values() -> None:
    for drawn in draws(family(), 20):
        texts = list(wordings(drawn, random.Random(1)))
        assert len(set(texts)) == len(texts) == 7
        namespace: dict[str, Any] = {}
        exec(drawn.programs[0], namespace)
        for text in texts:
            for test in re.findall(r"assert .*", text):
                exec(test, namespace)


def test_a_script_is_judged_by_what_it_prints() -> None:
    script = Family(
        "f/echo",
        asks=("echo",),
        programs=("print(input() * 2)", "text = input()\nprint(f'{text}{text}')"),
        stdin=("a\n", "bc\n"),
    )
    drawn = draw(script, random.Random(1))
    assert drawn.entry_point is None
    assert drawn.examples == (("a\n", "aa\n"), ("bc\n", "bcbc\n"))
    assert list(wordings(drawn, random.Random(1))) == ["echo"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"programs": (KEEP["programs"][0], "def $entry(s, l=0):\n    return s")},
            "0 and 1 disagree",
        ),
        ({"programs": ("def $entry$signature:\n    return 1 / 0",)}, "ZeroDivisionError"),
        ({"programs": ("def other():\n    pass",)}, "defines no "),
        ({"programs": ("def $entry(:",)}, "SyntaxError"),
        ({"asks": ("costs $5",)}, "a lone $"),
        ({"asks": ("the $missing one",)}, "no such slot"),
        ({"tests": ("assert $entry([]) == 5",)}, "AssertionError"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        draws(family(**changes), 1)
    assert "f/keep" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[x", "no readable TOML file"),
        ("x = 1", "x must be a table"),
        ("[x]\nasks = []", "x: "),
        ("[x]\nasks = []\nprograms = []\nwords = []", "no key 'words'"),
        ('[x]\nasks = []\nprograms = []\nentry = ["f"]', "needs calls or tests"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "some.toml").write_text(text)
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        read_families(tmp_path)
    assert "some.toml" in str(caught.value)


def test_a_folder_without_families(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there are no families"):
        read_families(tmp_path)


def test_signatures_lose_their_types() -> None:
    assert untyped("(a: int, /, *b: str, c: float = 1.5, **d) -> None") == "(a, /, *b, c=1.5, **d)"
    assert untyped("") == ""
