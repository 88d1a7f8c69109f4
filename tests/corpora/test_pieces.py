from __future__ import annotations

import ast
from collections import Counter

import pytest

from ondevice import checks
from ondevice.corpora.filters import Program
from ondevice.corpora.pieces import Piece, standing_alone, whole_file

DOC = '"""Return what the words amount to."""'


def take(text: str, *, max_lines: int = 60, docstring: str = "summary") -> list[Piece]:
    left_out: Counter[str] = Counter()
    program = Program(text, ast.parse(text))
    found = list(
        standing_alone(program, max_lines=max_lines, docstring=docstring, left_out=left_out)
    )
    definitions = [
        node for node in program.tree.body if hasattr(node, "body") and hasattr(node, "name")
    ]
    assert len(found) + left_out.total() == len(definitions)
    for piece in found:
        assert checks.names(piece.program) == []
        ast.parse(f"{piece.instruction}    pass\n")
    return found


def test_a_function_brings_the_imports_that_it_needs() -> None:
    (piece,) = take(
        "from __future__ import annotations\n"
        "import os, sys\n"
        "import xml.dom\n"
        "from typing import TYPE_CHECKING, Any\n"
        "from re import match as fits, split\n"
        "import numpy\n"
        "if TYPE_CHECKING:\n"
        "    from collections.abc import Iterable\n"
        "\n"
        "def count(words: Iterable[str], **rest: Any) -> int:\n"
        '    """Count words.   Empty ones do not count,\n'
        "    as ``x`` shows.\n"
        "\n"
        "    :param words: them\n"
        '    """\n'
        "    # as the system has them\n"
        "    return len([word for word in words if fits(os.sep, word)], xml.dom)\n"
    )
    assert piece.program == (
        "from __future__ import annotations\n"
        "import os\n"
        "import xml.dom\n"
        "from typing import Any\n"
        "from re import match as fits\n"
        "from collections.abc import Iterable\n"
        "\n"
        "\n"
        "def count(words: Iterable[str], **rest: Any) -> int:\n"
        '    """Count words.   Empty ones do not count,\n'
        "    as ``x`` shows.\n"
        '    """\n'
        "    # as the system has them\n"
        "    return len([word for word in words if fits(os.sep, word)], xml.dom)\n"
    )
    assert piece.instruction == (
        "def count(words: Iterable[str], **rest: Any) -> int:\n"
        '    """Count words.   Empty ones do not count,\n'
        "    as ``x`` shows.\n"
        '    """\n'
    )
    assert (piece.kind, piece.name, piece.line) == ("function", "count", 10)


@pytest.mark.parametrize(
    ("before", "body"),
    [
        ("", "return helper(words)"),
        ("import numpy", "return numpy.sum(words)"),
        ("from .text import join", "return join(words)"),
        ("", "from .text import join\n    return join(words)"),
        ("", "import numpy\n    return numpy.sum(words)"),
        ("LIMIT = 3", "return words[:LIMIT]"),
        ("from _weakref import ref", "return ref(words)"),
        ("from codecs import open\nopen = 3", "return open(words)"),
        ("def open(path): ...", "return open(words)"),
        ("import os\nos = fake(os)", "return os.sep.join(words)"),
        ("try:\n    import json\nexcept ImportError:\n    json = None", "return json.dumps(words)"),
        ("from os.path import *", "return len(words)"),
        ("last = None", "global last\n    last = words\n    return words"),
        ("", "global last\n    last = words\n    return words"),
        ("", "return __file__, words, 1"),
        ("", "return globals()[words]"),
        ("", 'def inner(word: "Word"): return word\n    return inner(words)'),
    ],
)
def test_what_does_not_stand_alone(before: str, body: str) -> None:
    pieces = take(f"{before}\n\ndef total(words):\n    {DOC}\n    {body}\n")
    assert [piece.name for piece in pieces if piece.name == "total"] == []


@pytest.mark.parametrize(
    ("before", "body"),
    [
        ("", "return total(words[1:])"),
        ("", "import json\n    return json.dumps(words)"),
        ("from codecs import open", "return open(words)"),
        ("import os\nimport os.path", "return os.path.join(words)"),
        (
            "",
            "try:\n        return len(words)\n    except TypeError as error:\n        return error",
        ),
        ("", "numpy = words\n    return [numpy for _ in numpy]"),
    ],
)
def test_what_stands_alone(before: str, body: str) -> None:
    pieces = take(f"{before}\n\ndef total(words):\n    {DOC}\n    {body}\n")
    assert [piece.name for piece in pieces] == ["total"]
    names = [line.split()[-1] for line in before.split("\n") if line]
    assert all(name in pieces[0].program for name in names)


@pytest.mark.parametrize(
    "definition",
    [
        f"def total(words):\n    {DOC}\n",
        f"def total(words):\n    {DOC}\n    ...\n",
        f"def total(words):\n    {DOC}\n    raise NotImplementedError\n",
        f"class Total(Exception):\n    {DOC}\n    pass\n",
        f"class Total(Base):\n    {DOC}\n    count = 0\n",
        f"@decorated\ndef total(words):\n    {DOC}\n    return len(words)\n",
        f"def total(words): {DOC}; return len(words)\n",
        f"def total(words):\n    {DOC}; return len(words)\n",
        'def total(words):\n    """Sum."""\n    return len(words)\n',
        'def total(words):\n    """See the other one."""\n    return len(words)\n',
        'def total(words):\n    """:param words: all the words"""\n    return len(words)\n',
        'def total(words):\n    """Сумма всех слов по порядку."""\n    return len(words)\n',
        "def total(words):\n    return len(words)\n",
        f"def total(words):\n    {DOC}\n" + "    words = words\n" * 59,
    ],
)
def test_what_teaches_little(definition: str) -> None:
    assert take(definition) == []


@pytest.mark.parametrize(("docstring", "lines"), [("summary", 3), ("whole", 5), ("none", 2)])
def test_docstrings(docstring: str, lines: int) -> None:
    text = (
        'def total(words):\n    r"""Return \\n "them" all\n\n    :param words: them\n    """\n\n'
        "    return len(words)\n"
    )
    (piece,) = take(text, docstring=docstring)
    assert len([line for line in piece.program.split("\n") if line]) == lines
    tree = ast.parse(f"{piece.instruction}    pass\n").body[0]
    assert isinstance(tree, ast.FunctionDef)
    assert ast.get_docstring(tree) == 'Return \\n "them" all'


def test_a_class_with_its_decorator() -> None:
    text = (
        "from dataclasses import dataclass, field\n\n\n@dataclass\nclass Point:\n"
        '    """A point of the plane."""\n\n    x: float = 0.0\n'
    )
    (piece,) = take(text)
    assert piece.kind == "class"
    assert piece.program == text.replace(", field", "")
    assert piece.instruction == 'class Point:\n    """A point of the plane."""\n'
    assert piece.line == 4


def test_a_whole_file_ends_with_one_line_end() -> None:
    text = "\n\nx = 1\n\n\n"
    assert whole_file(Program(text, ast.parse(text))).program == "x = 1\n"
