"""The classes of a program: their members, their bases, and which expressions are instances."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ondevice.lintseq.needs.scopes import Binding, Scope
from ondevice.lintseq.needs.walk import Names

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(slots=True)
class Value:
    """What is assigned in a line; ``node`` is None where that cannot be told."""

    line: int
    node: ast.AST | None
    scope: Scope

    @property
    def is_none(self) -> bool:
        """Whether it is the constant None."""
        return isinstance(self.node, ast.Constant) and self.node.value is None


@dataclass(slots=True, eq=False)
class Class:
    """A class statement.

    ``members`` maps a name to the lines that give it to the class or its instances, each with the
    method it stands in (None: the class body). ``fields`` maps the annotated names of the body to
    their lines, in order.
    """

    node: ast.ClassDef
    bases: list[Class] = field(default_factory=list)
    members: dict[str, list[tuple[int, Function | None]]] = field(default_factory=dict)
    given: dict[str, list[tuple[int, Function | None]]] = field(default_factory=dict)
    """As ``members``, what its instances are given from outside."""
    methods: dict[str, Function] = field(default_factory=dict)
    fields: dict[str, int] = field(default_factory=dict)
    bare: list[int] = field(default_factory=list)
    """The lines of annotations without a value, which alone make no attribute."""
    values: dict[str, list[Value]] = field(default_factory=dict)
    """What is assigned to its instances' attributes."""

    @property
    def line(self) -> int:
        """The index of the line of its header."""
        return self.node.lineno - 1

    def family(self) -> list[Class]:
        """Return the class and its bases, theirs, and so on, as far as this program has them."""
        found = [self]
        for base in found:
            found += [one for one in base.bases if one not in found]
        return found

    def method(self, name: str) -> Function | None:
        """Return the method that its instances have by this name, if this program has it."""
        return next((one.methods[name] for one in self.family() if name in one.methods), None)

    @property
    def is_open(self) -> bool:
        """Whether its instances may have any attribute."""
        return bool(self.method("__getattr__") or self.method("__getattribute__"))


class Classes:
    """All classes of a module, and what expressions mean in terms of them."""

    def __init__(self, names: Names) -> None:
        self._classes: dict[int, Class] = {}
        for scope in names.scopes:
            if isinstance(scope.node, ast.ClassDef):
                self._classes[id(scope.node)] = _declared(scope)
        for scope in names.scopes:
            if scope.parent and isinstance(scope.node, ast.ClassDef):
                own = self._classes[id(scope.node)]
                found = [self.named(base, scope.parent) for base in scope.node.bases]
                own.bases += [base for base in found if base and base is not own]
        self._take_members(names)

    def __iter__(self) -> Iterator[Class]:
        return iter(self._classes.values())

    def _take_members(self, names: Names) -> None:
        """Take note of the attributes that methods assign."""
        for store, scope, value in names.stores:
            owner = self.instance(store.value, scope)
            if owner:
                method = self.frame(scope)
                of_self = (
                    method is not None
                    and isinstance(store.value, ast.Name)
                    and store.value.id == _first_parameter(method)
                )
                members = owner.members if of_self else owner.given
                members.setdefault(store.attr, []).append((store.lineno - 1, method))
                owner.values.setdefault(store.attr, []).append(
                    Value(store.lineno - 1, value, scope)
                )

    @staticmethod
    def frame(scope: Scope | None) -> Function | None:
        """Return the function that code in ``scope`` runs in."""
        while scope and not isinstance(scope.node, Function):
            scope = scope.parent
        return scope.node if scope and isinstance(scope.node, Function) else None

    def binding(self, name: str, scope: Scope | None) -> tuple[Scope, list[Binding]] | None:
        """Return where a name is bound, seen from ``scope``."""
        inner = scope
        while scope:
            if name in scope.bindings and (scope.kind != "class" or scope is inner):
                return scope, scope.bindings[name]
            scope = scope.parent
        return None

    def named(self, node: ast.expr, scope: Scope) -> Class | None:
        """Return the class that an expression names."""
        if not isinstance(node, ast.Name):
            return None
        found = self.binding(node.id, scope)
        if not found:
            return None
        if own := self._first_argument(node.id, *found, "classmethod"):
            return own
        definitions = [one.node for one in found[1]]
        if len(definitions) == 1 and isinstance(definitions[0], ast.ClassDef):
            return self._classes.get(id(definitions[0]))
        return None

    def function(self, node: ast.expr, scope: Scope) -> Function | None:
        """Return the function or method that an expression names."""
        if isinstance(node, ast.Attribute):
            owner = self.instance(node.value, scope) or self.named(node.value, scope)
            return owner.method(node.attr) if owner else None
        if isinstance(node, ast.Name) and (found := self.binding(node.id, scope)):
            definitions = [one.node for one in found[1]]
            if len(definitions) == 1 and isinstance(definitions[0], Function):
                return definitions[0]
        return None

    def instance(self, node: ast.expr, scope: Scope, depth: int = 0) -> Class | None:
        """Return the class of which an expression is an instance, if that can be told."""
        if depth > 4:
            return None
        if isinstance(node, ast.Call):
            return self.named(node.func, scope)
        if isinstance(node, ast.Attribute):
            owner = self.instance(node.value, scope, depth + 1)
            return self._of_values(owner.values.get(node.attr, ()), depth) if owner else None
        if not isinstance(node, ast.Name) or not (found := self.binding(node.id, scope)):
            return None
        if own := self._first_argument(node.id, *found, None):
            return own
        return self._of_values([Value(one.line, one.node, found[0]) for one in found[1]], depth)

    def values(self, node: ast.expr, scope: Scope) -> list[Value]:
        """Return what is assigned to a variable or to an attribute of an instance."""
        if isinstance(node, ast.Name) and (found := self.binding(node.id, scope)):
            return [Value(one.line, one.node, found[0]) for one in found[1]]
        if isinstance(node, ast.Attribute) and (owner := self.instance(node.value, scope)):
            return owner.values.get(node.attr, [])
        return []

    def _of_values(self, values: Iterable[Value], depth: int) -> Class | None:
        """Return the class of which all values are instances, those left aside that may be None."""
        classes: set[Class | None] = set()
        for one in values:
            value, scope = one.node, one.scope
            if isinstance(value, ast.IfExp):
                arms = [Value(one.line, arm, scope) for arm in (value.body, value.orelse)]
                classes.add(self._of_values(arms, depth + 1))
            elif isinstance(value, ast.Attribute):
                classes.add(self.instance(value, scope, depth + 1))
            elif isinstance(value, ast.Call):
                if not (owner := self.instance(value, scope, depth + 1)):
                    return None
                classes.add(owner)
            elif not isinstance(value, ast.Constant):
                return None
        classes.discard(None)
        return classes.pop() if len(classes) == 1 else None

    def _first_argument(
        self, name: str, scope: Scope, bindings: list[Binding], decorator: str | None
    ) -> Class | None:
        """Return the class of whose method ``name`` is the first argument.

        The method must have the decorator, or neither ``staticmethod`` nor ``classmethod``.
        """
        node, outer = scope.node, scope.parent
        if not isinstance(node, Function) or not outer or outer.kind != "class":
            return None
        if _first_parameter(node) != name or len(bindings) != 1:
            return None
        kinds = {"staticmethod", "classmethod"} & decorators(node).keys()
        if node.name in ("__new__", "__init_subclass__", "__class_getitem__"):
            kinds = {"classmethod"}
        return self._classes.get(id(outer.node)) if kinds == ({decorator} - {None}) else None


def _first_parameter(function: Function) -> str | None:
    parameters = [*function.args.posonlyargs, *function.args.args]
    return parameters[0].arg if parameters else None


def decorators(node: Function | ast.ClassDef) -> dict[str, int]:
    """Return the last name of each decorator with its line."""
    found = {}
    for decorator in node.decorator_list:
        target = decorator.func if isinstance(decorator, ast.Call) else decorator
        if isinstance(target, ast.Name):
            found[target.id] = decorator.lineno - 1
        elif isinstance(target, ast.Attribute):
            found[target.attr] = decorator.lineno - 1
    return found


def _declared(scope: Scope) -> Class:
    """Return a class with what its body binds."""
    node = scope.node
    assert isinstance(node, ast.ClassDef)
    found = Class(node)
    for name, bindings in scope.bindings.items():
        found.members[name] = [(binding.line, None) for binding in bindings]
        last = bindings[-1].node
        if isinstance(last, Function):
            found.methods[name] = last
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            name, line = statement.target.id, statement.lineno - 1
            found.fields[name] = line
            if statement.value is None:
                found.bare.append(line)
                found.members.setdefault(name, []).append((line, None))
    return found
