"""A program parted into segments that can be judged apart, so that those are judged once.

A segment begins at the first column. That a program is its segments, one after another, holds
whenever each of them parses as a program of its own: it then ends outside of all brackets and
strings, and what begins at the first column closes its blocks. So where to part is only a guess at
what will parse; a segment that does not is no verdict, and the whole program is to be judged.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from ondevice.checks.python import parsed
from ondevice.errors import CheckError
from ondevice.events import Finding

# Lines that go on with what is above them begin with one of these, or are indented.
_START = re.compile(r"^(?!(?:else|elif|except|finally)\b)[^\s#)\]}]", re.MULTILINE)
_DEFINES = ("def ", "class ", "async ")
# Characters that Python counts as ends of lines, or minds at the beginning of a text only; and
# what changes how the rest of a program is read.
_WHOLE = re.compile("[\r\f\0\ufeff]|__future__")


@dataclass(frozen=True, slots=True)
class Segment:
    """Some lines of a program; ``above`` is the number of lines before them."""

    above: int
    text: str


def split(program: str) -> list[Segment] | None:
    """Part a program into segments; None if it can only be judged as a whole."""
    if _WHOLE.search(program):
        return None
    segments = []
    above = 0
    for start, end in _spans(program):
        # Blank lines at the end come and go with what follows.
        text = program[start:end].rstrip(" \t\n")
        if text.endswith("\\"):
            return None
        segments.append(Segment(above, text))
        above += program.count("\n", start, end)
    return segments


def _spans(program: str) -> Iterator[tuple[int, int]]:
    begin = seen = 0
    decorated = False
    # Of each kind of quotes around strings of several lines, how many there are since ``begin``.
    quotes = dict.fromkeys(('"""', "'''"), 0)
    for match in _START.finditer(program):
        start = match.start()
        for kind in quotes:
            quotes[kind] += program.count(kind, seen, start)
        seen = start
        if start and not decorated and not any(count % 2 for count in quotes.values()):
            yield begin, start
            begin = start
            quotes = dict.fromkeys(quotes, 0)
        if match[0] == "@":
            decorated = True
        elif program.startswith(_DEFINES, start):
            decorated = False
    yield begin, len(program)


def segment_tree(text: str) -> ast.Module | None:
    """Return the tree of a segment that is right for itself; None for any other."""
    try:
        tree = parsed(text)
    except CheckError:  # the program will raise it, too
        return None
    if isinstance(tree, Finding) or ("global" in text and _declares_global(tree.body)):
        return None
    return tree


def _declares_global(body: list[ast.stmt]) -> bool:
    """Tell whether ``global`` stands outside functions, where names used above are an error."""
    todo: list[ast.AST] = [*body]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Global):
            return True
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.expr):
            todo.extend(ast.iter_child_nodes(node))
    return False
