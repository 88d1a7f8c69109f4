"""The incremental checks say what the plain ones say, of every state of a program."""

from __future__ import annotations

import functools
import json
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondevice.checks import isolation, names, syntax
from ondevice.checks.incremental import IncrementalNames, IncrementalSyntax
from ondevice.checks.segments import split
from ondevice.edits import Buffer
from ondevice.errors import CheckError
from ondevice.events import Finding
from ondevice.lintseq import refactor

TASKS = Path(__file__).parents[2] / "bench" / "everyday"
# Few names, so that segments meddle with each other: each of these binds, unbinds, uses, hides,
# declares or annotates what others do.
PIECES = [
    "a = 1",
    "print(a)",
    "a += b",
    "a: int",
    "a: b = 1",
    "del a",
    "(a, *b) = c",
    "a = b = c",
    "import a",
    "import b as a",
    "import a.b",
    "from c import a",
    "from c import *",
    "from . import a as b",
    "from __future__ import annotations",
    "import b as c",
    "import c",
    "def a():\n    return b",
    "def b(a):\n    print(c, a)\n    c = 1",
    "async def c(): await a",
    "def a():\n    global b\n    b = 1",
    "def c():\n    a = 1\n    def b():\n        nonlocal a",
    "def b():\n    global a, c\n    a = c",
    "def c():\n    print(a)\n    a = b",
    "class c:\n    def a(self):\n        global b\n        b = a",
    "class a:\n    def b(self):\n        c\n    def c(self):\n        global c\n        c = 1",
    "def a():\n    def b():\n        c\n        a = 1\n    def c():\n        nonlocal b",
    "global a",
    "if b:\n    global a",
    "class c:\n    global b\n    b = 1",
    "print(a := b)",
    "class a(b):\n    c = c\n    def a(self):\n        return a, c, __class__",
    "[a for b in c]",
    "class b:\n    a: c\n    b = [a for _ in a]\n    print(__module__)",
    "print(__module__)",
    "try:\n    a\nexcept NameError:\n    b",
    "try:\n    a = 1\nexcept b as c:\n    print(c)",
    "try:\n    import a\nexcept ImportError:\n    a = None",
    "for a in b:\n    print(a)",
    "def b():\n    try:\n        c\n    except a as c:\n        pass\n    print(c)",
    "del print",
    "def a():\n    print(len)\n    len = 1",
    "def a():\n    del b",
    "def len(): pass",
    "del a.b",
    "def a():\n    b(c)\n    def c(): pass",
    "def a():\n    for b in b: pass",
    "lambda a: (a, b)",
    "def a():\n    b\n    import b as c",
    "def a():\n    c.d\n    b = 1",
    "def a(b: 'c'): pass",
    "from typing import cast",
    "from typing import Optional as a",
    "import typing as b",
    "import typing",
    "from typing import Literal, TypeAlias, overload",
    "typing.cast('a', 1)",
    "def c():\n    from typing import cast\n    cast('a', 1)",
    "x = a['b']",
    "x = a['b c']",
    "cast('a', 1)",
    "x = b.Optional['c']",
    "def b(): return cast('c d', 1)",
    "cast = print",
    "x: TypeAlias = 'a'",
    "x: Literal['a'] = 1",
    "def c(x: \"a['b']\"): pass",
    "x: 'b[' = 1",
    "if a:\n    from typing import cast",
    "__all__ = ['a']",
    "__all__ += ['b']",
    "match a:\n",
    "match a:\n    case [b, *c]:\n        print(b)\n    case {'x': 1, **a}: pass",
    "c = '''\nb",
    "c = '''\na = 1\n'''",
    "x = (\na,\n)",
    "x = [\n    a\n",
    ")",
    "'''",
    "@a\ndef b(): pass",
    "@a\n@b(\n    c\n)\nclass c: pass",
    "@a",
    "else:\n    b = 1",
    "if a:\n    b = 1",
    "    a = 1",
    "return a",
    "    return a",
    "# a",
    "    # a",
    "",
    " \t",
    "a = 1 \\",
    "\\",
    "\f",
    "x = 1\r",
    "\0",
    "with a as b: pass",
    "while a:\n    break",
    "break",
    "def a(b, b): pass",
    "\ufeff",
    "a\x1cb",
    "a = 1; b = a; print(c)",
    "a = 1;",
    "x = {**a, 'b': c}",
    "a = f'{b!r:{c}}'",
    "a = lambda",
    "x = '''a''' '''",
    "print('''a''', b)",
    "yield a",
    "await a",
    "async for a in b: pass",
    "é=a",
]
PROGRAMS = st.lists(st.sampled_from(PIECES), max_size=9).map("\n".join)


def verdict(check: object, text: str) -> list[Finding] | str:
    assert callable(check)
    try:
        return list(check(text))
    except CheckError as error:
        return str(error)


def assert_same(check: IncrementalNames, other: IncrementalSyntax, text: str) -> None:
    assert verdict(check, text) == verdict(names, text), text
    assert verdict(other, text) == verdict(syntax, text), text


@functools.cache
def programs() -> list[str]:
    return [
        program
        for file in sorted(TASKS.glob("*.jsonl"))
        for line in file.read_text(encoding="utf-8").split("\n")
        if line
        for program in json.loads(line)["programs"]
    ]


@pytest.fixture(scope="module")
def checks() -> tuple[IncrementalNames, IncrementalSyntax]:
    """Shared by all examples, so that each finds what the others left."""
    return IncrementalNames(), IncrementalSyntax()


@settings(max_examples=400, deadline=None)
@given(PROGRAMS)
def test_any_pieces(checks: tuple[IncrementalNames, IncrementalSyntax], text: str) -> None:
    assert_same(*checks, text)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=8), st.data())
def test_pieces_come_and_go(pieces: list[str], data: st.DataObject) -> None:
    checks = IncrementalNames(), IncrementalSyntax()
    for _ in range(4):
        assert_same(*checks, "\n".join(pieces))
        place = data.draw(st.integers(0, len(pieces)))
        pieces[place : place + data.draw(st.integers(0, 1))] = [data.draw(st.sampled_from(PIECES))]


@pytest.mark.parametrize(
    "text",
    [
        "import b as c\ndef a():\n    c.d\n    b = 1\nb = 1",
        "def a():\n    print(b)\n    b = 1\nb = 2",
        "def a():\n    print(len)\n    len = 1\ndef len(): pass",
        "from c import *\nprint(a)",
        "a = 1\na: int\nprint(a)",
        "a: int\nprint(a)",
        "del a\na = 1",
        "a = 1\ndef b():\n    del a",
        "print(a)\ndef b():\n    global a\n    a = 1",
        "def b():\n    print(a)\n    a = 1\ndef c():\n    global a",
        "class b:\n    global a\n    a = 1\nprint(a)",
        "from typing import cast\ncast('a', 1)",
        "cast('a', 1)\nfrom typing import cast",
        "from typing import cast\ncast = print\ncast('a', 1)",
        "import typing as t\ndef f():\n    return t.Optional['a b']",
        "if 1:\n    from typing import cast\ncast('a', 1)",
        "from typing import TypeAlias\nb: TypeAlias = 'a'",
        "def f(x: 'c[\"a\"]'): pass\nfrom typing import Optional as c",
        "from __future__ import annotations\na: b = 1\nb = 1",
        "a = 1\nfrom __future__ import annotations",
        "__all__ = ['a']",
        "a = 1\nglobal a",
        "a = 1\nif a:\n    global a",
        "a = 1\r\nprint(b)\rprint(c)",
        "x = 1 \\\n\ny = 2",
        "x = 1\n\xa0\ny = 2",
    ],
)
def test_what_segments_do_to_each_other(text: str) -> None:
    assert_same(IncrementalNames(), IncrementalSyntax(), text)


def test_many_pieces_that_parse() -> None:
    """Most random texts do not parse; here each piece does, so that names are what is judged."""
    pieces = [piece for piece in PIECES if not syntax(piece)]
    rng = random.Random(3)
    checks = IncrementalNames(), IncrementalSyntax()
    findings = 0
    for _ in range(2000):
        text = "\n".join(rng.choice(pieces) for _ in range(rng.randint(1, 8)))
        assert_same(*checks, text)
        found = isolation.join(split(text) or [], checks[0]._summarize)
        findings += "__all__" not in text and bool(found)
    assert findings > 200, "that many were judged in parts and refused"


def states(program: str, seed: int) -> Iterator[str]:
    """Yield the buffer after each edit of a sequence that writes the program."""
    buffer = Buffer()
    for edit in refactor(program, random.Random(seed)):
        buffer.apply(edit)
        yield buffer.text


def broken(text: str, rng: random.Random) -> str:
    """Return the text with a line lost, moved, doubled, cut or indented, or a character changed."""
    lines = text.split("\n")
    at = rng.randrange(len(lines))
    line = lines.pop(at)
    cut = rng.randrange(len(line) + 1)
    lines[at:at] = rng.choice(
        [
            [],
            [line[:cut] + rng.choice("()[]{}'\"\\#:=@x ") + line[cut:]],
            [line[:cut] + line[cut + 1 :]],
            [line[:cut]],
            [line, line],
            [f"    {line}"],
            [line[4:]],
            [rng.choice(PIECES), line],
        ]
    )
    return "\n".join(lines)


def test_the_states_of_everyday_programs() -> None:
    """Several programs in one, so that there is something to reuse; each state, then broken."""
    rng = random.Random(7)
    checks = IncrementalNames(), IncrementalSyntax()
    judged = apart = 0
    for seed in range(25):
        program = "\n\n".join(rng.sample(programs(), 3))
        for state in states(program, seed):
            assert_same(*checks, state)
            judged += 1
            segments = split(state)
            apart += segments is not None and isolation.join(segments, checks[0]._summarize) == []
            for _ in range(3):
                assert_same(*checks, broken(state, rng))
    assert judged > 150
    assert apart / judged > 0.9, "most are not left to the plain check"


def test_programs_that_need_each_other() -> None:
    """What is missing here is bound there, and no longer once that is gone."""
    check = IncrementalNames()
    use, define = "def f():\n    return g()\n", "def g():\n    return 1\n"
    assert check(f"{use}\n{define}") == []
    assert check(f"x = 1\n{use}") == [Finding("names", 3, "undefined name 'g'")]
    assert check(f"print(g)\n{define}") == [Finding("names", 1, "undefined name 'g'")]
    assert check(f"{define}print(g)\n{use}") == []


def test_only_what_changed_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    judge = isolation.summarize

    def summarize(text: str, imports: str = "") -> isolation.Summary | None:
        seen.append(text)
        return judge(text, imports)

    monkeypatch.setattr(isolation, "summarize", summarize)
    check = IncrementalNames()
    first, second = "def f():\n    return x", 'def g():\n    """\nf\n"""'
    assert check(f"{first}\n{second}\nx = 1\n") == []
    assert seen == [first, second, "x = 1"]
    seen.clear()
    assert check(f"# note\n\n{first}\n    # here\n\n\n{second}\n\nx = 1") == []
    assert seen == ["# note", f"{first}\n    # here"]


def test_a_wrong_guess_is_no_verdict() -> None:
    """What looks like several segments and is one is judged as a whole."""
    for text in ("x = (\na,\nb\n)\n", "x = 'a\\\nb = c'\n", "x = (\n'a'\n'''\nb\n''')\n"):
        assert_same(IncrementalNames(), IncrementalSyntax(), text)
    assert IncrementalSyntax()("x = (\n1,\n2\n)\n") == []


def test_what_is_remembered_is_bounded() -> None:
    check = IncrementalNames()
    for number in range(600):
        assert check(f"x{number} = 1\nglobal y\n") == []
    assert check._summarize.cache_info().currsize <= 512
    assert check._whole.cache_info().currsize <= 32


def test_findings_are_the_callers_own() -> None:
    check = IncrementalNames()
    for text in ("x = (\n", "print(y)\n"):
        check(text).clear()
        assert len(check(text)) == 1


def test_threads_may_share_one() -> None:
    checks = IncrementalNames(), IncrementalSyntax()
    texts = ["\n\n".join(programs()[start : start + 3]) for start in range(0, 120, 3)]
    texts += [text.replace("return", "return nowhere,", 1) for text in texts]
    wanted = [(names(text), syntax(text)) for text in texts]
    found: list[list[tuple[list[Finding], ...]]] = []

    def work(seed: int) -> None:
        order = random.Random(seed).sample(range(len(texts)), len(texts))
        results = {place: tuple(check(texts[place]) for check in checks) for place in order}
        found.append([results[place] for place in range(len(texts))])

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [wanted] * 4


def test_a_program_is_parted_where_statements_begin() -> None:
    parts = [
        "# note\n\n",
        "@a\n@b(\n    1\n)\nclass C:\n    x = 1\n\n# note\n    y = 2\n\n\n",
        "if a:\n    pass\n# note\nelif b:\n    pass\nelse:\n    pass\n",
        'x = """\na\nb = """ + (\n    c\n)\n',
        "elsewhere = 1; y = 2\n",
        "try:\n    pass\nexcept a:\n    pass\nfinally:\n    pass",
    ]
    segments = split("".join(parts))
    assert segments is not None
    assert [segment.text for segment in segments] == [part.rstrip("\n") for part in parts]
    assert [segment.above for segment in segments] == [0, 2, 13, 20, 25, 26]
