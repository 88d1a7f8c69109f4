"""What a definition needs from outside itself, and whether the standard library has it all."""

from __future__ import annotations

import ast
import builtins
import symtable
import sys
from collections.abc import Iterable, Iterator

from ondevice import checks

BUILTINS = frozenset(dir(builtins)) - {
    # These are about the module that a definition is taken out of, or for the prompt alone.
    *("__build_class__", "__doc__", "__file__", "__import__", "__loader__", "__package__"),
    *("__spec__", "copyright", "credits", "exit", "globals", "help", "license", "quit"),
}
KNOWN = BUILTINS | {"__name__"}
_ODD_MODULES = frozenset({"antigravity", "idlelib", "test", "this"})

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_OWN_SCOPE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


class NotAloneError(Exception):
    """A definition needs more than the standard library; the text says what, to be counted by."""


class Bindings:
    """What the names at the top of a module are bound to."""

    def __init__(self, tree: ast.Module) -> None:
        self._imports: dict[str, list[ast.Import | ast.ImportFrom]] = {}
        self._others: set[str] = set()
        self.has_star = False
        """Whether some names come from ``import *``, so that none is sure."""
        self.lazy_annotations = False
        """Whether the module has ``from __future__ import annotations``."""
        certain = set()
        for statement in _plain(tree.body):
            certain.add(id(statement))
            self._add_import(statement)
        for node in _reachable(tree.body):
            if id(node) not in certain:
                self._others.update(_bound(node))

    def imports_for(self, names: Iterable[str]) -> list[str]:
        """Return the import lines that bind the names which are no builtins.

        Raises ``NotAloneError`` for a name that something else binds, or nothing.
        """
        needed: dict[tuple[int, int], ast.Import | ast.ImportFrom] = {}
        for name in names:
            if name in self._others:
                raise NotAloneError("needs its module")
            if name not in self._imports:
                if name not in KNOWN:
                    raise NotAloneError("needs its module")
                continue
            for statement in self._imports[name]:
                place = statement.lineno, statement.col_offset
                _merge(needed, place, statement, name)
        return [ast.unparse(needed[place]) for place in sorted(needed)]

    def _add_import(self, node: ast.stmt) -> None:
        if isinstance(node, ast.ImportFrom):
            if node.module == "__future__":
                self.lazy_annotations |= any(alias.name == "annotations" for alias in node.names)
                return
            self.has_star |= node.names[0].name == "*"
        if not isinstance(node, ast.Import | ast.ImportFrom):
            return
        for name in _bound(node):
            imports = self._imports.setdefault(name, [])
            if is_standard(node) and all(_alike(other, node, name) for other in imports):
                imports.append(node)
            else:
                self._others.add(name)


def is_standard(node: ast.Import | ast.ImportFrom) -> bool:
    """Return whether a statement imports from the standard library alone."""
    if isinstance(node, ast.ImportFrom):
        modules = [node.module or ""] if not node.level else [""]
    else:
        modules = [alias.name for alias in node.names]
    roots = {module.partition(".")[0] for module in modules}
    private = any(root.startswith("_") for root in roots)  # other Pythons may have others
    return roots <= sys.stdlib_module_names and not private and not roots & _ODD_MODULES


def free_names(code: str) -> set[str]:
    """Return the names that a definition takes from its module or the builtins.

    Raises ``NotAloneError`` when it changes names of its module, or cannot be analyzed.
    """
    try:
        with checks.quietly():
            top = symtable.symtable(code, "<definition>", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise NotAloneError("cannot be analyzed") from error
    own = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_assigned()}
    own |= {symbol.get_name() for symbol in top.get_symbols() if symbol.is_namespace()}
    free = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_referenced()}
    tables = list(top.get_children())
    while tables:
        table = tables.pop()
        tables += table.get_children()
        for symbol in table.get_symbols():
            if symbol.is_global() and (symbol.is_declared_global() or symbol.is_assigned()):
                raise NotAloneError("changes its module")
            if symbol.is_global() and symbol.is_referenced():
                free.add(symbol.get_name())
    return free - own


def _plain(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run whenever a module is imported, or for a type checker."""
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            yield from (
                child for child in node.body if isinstance(child, ast.Import | ast.ImportFrom)
            )


def _reachable(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield the nodes of a module that are not in a scope of their own."""
    todo = list(body)
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, _OWN_SCOPE):
            todo.extend(ast.iter_child_nodes(node))


def _bound(node: ast.AST) -> Iterator[str]:
    """Yield the names that a node itself binds."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.asname or alias.name.partition(".")[0]
    elif isinstance(node, ast.ImportFrom):
        for alias in node.names:
            yield alias.asname or alias.name
    elif isinstance(node, Definition):
        yield node.name
    elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id
    elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
        yield node.name
    elif isinstance(node, ast.MatchMapping) and node.rest:
        yield node.rest


def _alike(
    first: ast.Import | ast.ImportFrom, second: ast.Import | ast.ImportFrom, name: str
) -> bool:
    """Return whether two imports bind a name to the same: ``import os`` and ``import os.path``."""
    return all(
        isinstance(node, ast.Import)
        and any(alias.asname is None and alias.name.split(".")[0] == name for alias in node.names)
        for node in (first, second)
    ) or ast.dump(first) == ast.dump(second)


def _merge(
    needed: dict[tuple[int, int], ast.Import | ast.ImportFrom],
    place: tuple[int, int],
    statement: ast.Import | ast.ImportFrom,
    name: str,
) -> None:
    """Add to the needed statements the part of one that binds a name."""
    before = {ast.dump(alias) for alias in needed[place].names} if place in needed else set()
    aliases = [
        alias
        for alias in statement.names
        if (alias.asname or alias.name.partition(".")[0]) == name
        or (isinstance(statement, ast.ImportFrom) and (alias.asname or alias.name) == name)
        or ast.dump(alias) in before
    ]
    if isinstance(statement, ast.ImportFrom):
        needed[place] = ast.ImportFrom(statement.module, aliases, 0)
    else:
        needed[place] = ast.Import(aliases)
