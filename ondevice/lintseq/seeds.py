"""Which line of a program is deleted first: how likely each is, and which never are."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from ondevice.lintseq.needs import Layout

_CAPITALS = re.compile(r"[A-Z][A-Z0-9_]*")


def weights(layout: Layout, tree: ast.Module | None) -> list[float]:
    """Return the weight of each line: 1 at column 0, else its indentation over the tab width.

    The tab width is the first indentation that occurs, as in the published implementation.
    Comments, blank lines and the inside of the literal of an ALL-CAPS name are never chosen.
    ``tree`` is the parsed program; without it, nobody can tell what is inside a literal.
    """
    inside = _inside_constants(tree) if tree else set()
    indents = zip(layout.indents, layout.filled, strict=True)
    tab = next((width for width, filled in indents if filled and width), 1)
    return [
        0.0
        if not filled or number in inside or line.lstrip().startswith("#")
        else max(1.0, width / tab)
        for number, (line, width, filled) in enumerate(
            zip(layout.lines, layout.indents, layout.filled, strict=True)
        )
    ]


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield all statements and clauses; looking into expressions would take most of the time."""
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        yield node
        for name in ("body", "orelse", "handlers", "finalbody", "cases"):
            found = getattr(node, name, None)
            if isinstance(found, list):
                todo += found


def _inside_constants(tree: ast.Module) -> set[int]:
    """Return which lines go on with the value of an ALL-CAPS name that an earlier line begins."""
    inside: set[int] = set()
    for node in _statements(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.end_lineno != node.lineno:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [target.id for target in targets if isinstance(target, ast.Name)]
            if len(names) == len(targets) and all(map(_CAPITALS.fullmatch, names)):
                inside.update(range(node.lineno, node.end_lineno or node.lineno))
    return inside
