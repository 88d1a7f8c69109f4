"""What calls need of what is called, and of the lines of their own arguments.

These are pylint's inferences (E0110, E112x, E130x), as far as they can fail for lack of a line: a
constructor that is gone, an argument or parameter of a call over several lines, an abstract method
that nothing overrides any more.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence

from ondevice.lintseq.needs.classes import Class, Classes, decorators
from ondevice.lintseq.needs.conditions import AnyOf, Condition, Gone
from ondevice.lintseq.needs.scopes import Scope
from ondevice.lintseq.needs.structure import Need


class CallNeeds:
    """Takes note of what calls and formatted texts need."""

    def __init__(self, classes: Classes, need: Need) -> None:
        self._classes = classes
        self._need = need

    def call(self, node: ast.Call, scope: Scope) -> None:
        """Take note of a call."""
        line = node.lineno - 1
        owner = self._classes.named(node.func, scope)
        if owner:
            self._construction(owner, node)
            function = owner.method("__init__")
        elif instance := self._classes.instance(node.func, scope):
            function = instance.method("__call__")
            if function:
                self._need(line, function.lineno - 1)
        else:
            function = self._classes.function(node.func, scope)
        if not function and not owner:
            self._foreign(node, scope)
            return
        self._parts(line, _arguments(node))
        if function:
            self._parts(line, [*function.args.args, *function.args.kwonlyargs])

    def format(self, node: ast.expr) -> None:
        """Take note of a text with ``%`` and a tuple: all that the text has places for."""
        assert isinstance(node, ast.BinOp)
        if isinstance(node.left, ast.Constant) and isinstance(node.right, ast.Tuple):
            self._parts(node.lineno - 1, node.right.elts)

    def _parts(self, line: int, parts: Sequence[ast.expr | ast.arg]) -> None:
        for part in parts:
            self._need(line, part.lineno - 1)

    def _foreign(self, node: ast.Call, scope: Scope) -> None:
        """A call of the standard library, of which pylint knows what arguments it must have.

        Here it is not looked up, lest the result depend on the Python that runs: a class (by its
        capital) takes all arguments that it is given, a function those by position.
        """
        if node.end_lineno == node.lineno:
            return
        name = called_name(node)
        root: ast.expr = node.func
        while isinstance(root, ast.Attribute):
            root = root.value
        if isinstance(root, ast.Constant) and name == "format":
            self._parts(node.lineno - 1, _arguments(node))
        elif isinstance(root, ast.Name) and self._may_be_standard(root, scope):
            arguments = _arguments(node) if name[:1].isupper() else node.args
            self._parts(node.lineno - 1, arguments)

    def _may_be_standard(self, root: ast.Name, scope: Scope) -> bool:
        """Return whether what a name stands for may come from the standard library."""
        owner = self._classes.instance(root, scope)
        if owner and len(owner.node.bases) > len(owner.bases):
            return True  # by what it inherits
        found = self._classes.binding(root.id, scope)
        return found is not None and all(_is_standard(binding.node) for binding in found[1])

    def _construction(self, owner: Class, node: ast.Call) -> None:
        line = node.lineno - 1
        for name, missing in _abstract_methods(owner).items():
            self._need(line, AnyOf((*missing, *_overrides(owner, name))))
        if not node.args and not node.keywords:
            return
        if initializer := owner.method("__init__"):
            self._need(line, initializer.lineno - 1)
            return
        made = decorators(owner.node).get("dataclass")
        if made is not None:
            self._need(line, made)
        fields = {name: at for one in reversed(owner.family()) for name, at in one.fields.items()}
        for at in list(fields.values())[: len(node.args)]:
            self._need(line, at)
        for keyword in node.keywords:
            if keyword.arg in fields:
                self._need(line, fields[keyword.arg])


def called_name(node: ast.Call) -> str:
    """Return the last name of what is called."""
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _arguments(node: ast.Call) -> list[ast.expr]:
    return [*node.args, *(keyword.value for keyword in node.keywords)]


def _is_standard(node: ast.AST | None) -> bool:
    """Return whether a statement imports from the standard library."""
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        names = [node.module]
    else:
        return False
    return all(name.partition(".")[0] in sys.stdlib_module_names for name in names)


def _abstract_methods(owner: Class) -> dict[str, list[Condition]]:
    """Return, by name, when each abstract method that the class overrides is none any more."""
    found: dict[str, list[Condition]] = {}
    for base in owner.family()[1:]:
        for name, method in base.methods.items():
            line = decorators(method).get("abstractmethod")
            if line is not None and owner.method(name) is not method:
                found.setdefault(name, []).append(Gone((line,)))
    return found


def _overrides(owner: Class, name: str) -> list[int]:
    return [
        one.methods[name].lineno - 1
        for one in owner.family()
        if name in one.methods and "abstractmethod" not in decorators(one.methods[name])
    ]
