"""What attributes, values and methods need of the classes and functions of the same program.

These are pylint's inferences (E0203, E03xx, E11xx, W0231), as far as they can fail for lack of a
line: an attribute that nothing assigns any more, a value from a function that no longer returns
one.
"""

from __future__ import annotations

import ast

from ondevice.lintseq.needs.calls import CallNeeds, called_name
from ondevice.lintseq.needs.classes import Class, Classes, Function, decorators
from ondevice.lintseq.needs.conditions import AnyOf
from ondevice.lintseq.needs.scopes import Demand
from ondevice.lintseq.needs.structure import Need
from ondevice.lintseq.needs.walk import Names

# Which methods give an object what is demanded of it; any of a tuple will do, one of each tuple.
_PROTOCOLS: dict[str, tuple[tuple[str, ...], ...]] = {
    "subscript": (("__getitem__",),),
    "store item": (("__setitem__",),),
    "delete item": (("__delitem__",),),
    "iterate": (("__iter__", "__getitem__"),),
    "unpack": (("__iter__", "__getitem__"),),
    "contain": (("__contains__", "__iter__", "__getitem__"),),
    "with": (("__enter__", "__aenter__"), ("__exit__", "__aexit__")),
}
# Special methods that must return something, or pylint says that they return the wrong thing.
_RETURNING = frozenset(
    {
        *("__iter__", "__len__", "__bool__", "__index__", "__repr__", "__str__", "__bytes__"),
        *("__hash__", "__length_hint__", "__format__", "__getnewargs__", "__getnewargs_ex__"),
    }
)
# Decorators without which a method has the wrong first argument.
_BINDING = ("staticmethod", "classmethod")
_PROPERTIES = frozenset({"property", "abstractproperty", "cached_property"})
# Decorators without which a function is a second one of the same name.
_REDEFINING = ("setter", "getter", "deleter", "overload", "register")


class MemberNeeds:
    """Takes note of what the uses of a module's own classes and functions need."""

    def __init__(self, names: Names, need: Need) -> None:
        self._need = need
        self._classes = Classes(names)
        calls = CallNeeds(self._classes, need)
        for owner in self._classes:
            self._class(owner)
        for demand in names.demands:
            if demand.kind == "attribute":
                self._attribute(demand)
            elif demand.kind == "call":
                assert isinstance(demand.node, ast.Call)
                self._more_than_none(demand.node.func, demand)
                calls.call(demand.node, demand.scope)
            elif demand.kind == "format":
                calls.format(demand.node)
            else:
                self._value(demand)

    def _class(self, owner: Class) -> None:
        for name, method in owner.methods.items():
            if name in _RETURNING and (values := _values(method)):
                self._need(method.lineno - 1, AnyOf(values))
            if name == "__iter__" and (step := owner.method("__next__")):
                self._need(method.lineno - 1, step.lineno - 1)
            if name == "__init__" and (calls := _initializing_calls(method)):
                self._need(method.lineno - 1, AnyOf(calls))
        for statement in owner.node.body:
            if isinstance(statement, Function):
                self._decorated(owner, statement)
        if (made := decorators(owner.node).get("dataclass")) is not None:
            for statement in owner.node.body:
                value = statement.value if isinstance(statement, ast.AnnAssign) else None
                if isinstance(value, ast.Call) and called_name(value) == "field":
                    self._need(statement.lineno - 1, made)

    def _decorated(self, owner: Class, method: Function) -> None:
        """What a method needs of its decorators, and those of each other."""
        for name, line in decorators(method).items():
            if name in _BINDING or name in _REDEFINING:
                self._need(method.lineno - 1, line)
            if name in _REDEFINING[:3]:  # of the property that an earlier method makes
                for other in owner.node.body:
                    if not isinstance(other, Function) or other.name != method.name:
                        continue
                    if (first := _property_line(other)) is not None:
                        self._need(line, first)
            if name in _PROPERTIES and method.name in owner.values:
                self._need(method.lineno - 1, line)  # or its instances' attribute hides it

    def _attribute(self, demand: Demand) -> None:
        node = demand.node
        assert isinstance(node, ast.Attribute)
        self._property(node.value, demand)
        owner = self._classes.instance(node.value, demand.scope)
        if owner:
            self._member(owner, node.attr, demand)
        elif owner := self._classes.named(node.value, demand.scope):
            lines = [
                line
                for one in owner.family()
                for line, method in one.members.get(node.attr, ())
                if method is None
            ]
            if lines:
                self._need(demand.line, AnyOf(lines))

    def _member(self, owner: Class, name: str, demand: Demand) -> None:
        if owner.is_open:
            return
        frame = self._classes.frame(demand.scope)
        family = owner.family()
        found = [place for one in family for place in one.members.get(name, ())] or [
            place for one in family for place in one.given.get(name, ())
        ]
        # In the method that it stands in, an assignment counts from its own line on.
        before = [line for line, method in found if method is not frame or line <= demand.line]
        if found:
            self._need(demand.line, AnyOf(before or [line for line, _ in found]))
        bare = {line for one in family for line in one.bare}
        if found and all(line in bare for line, _ in found):
            made = decorators(owner.node).get("dataclass")
            if made is not None:
                self._need(demand.line, made)

    def _value(self, demand: Demand) -> None:
        """A value that is more than None, or an object with the right special methods."""
        node = demand.node
        if isinstance(node, ast.Call):
            function = self._classes.function(node.func, demand.scope)
        else:
            function = self._property(node, demand)
            self._more_than_none(node, demand)
        if function and (values := _values(function)):
            self._need(demand.line, AnyOf(values))
            manager = decorators(function).get("contextmanager")
            if demand.kind == "with" and manager is not None:
                self._need(demand.line, manager)
        if owner := self._classes.instance(node, demand.scope):
            for names in _PROTOCOLS.get(demand.kind, ()):
                methods = [found for name in names if (found := owner.method(name))]
                if methods:
                    self._need(demand.line, AnyOf(method.lineno - 1 for method in methods))

    def _property(self, node: ast.expr, demand: Demand) -> Function | None:
        """Return the property that an expression names; as a mere method it would not do."""
        if not isinstance(node, ast.Attribute):
            return None
        function = self._classes.function(node, demand.scope)
        line = _property_line(function) if function else None
        if line is None:
            return None
        self._need(demand.line, line)
        return function

    def _more_than_none(self, node: ast.expr, demand: Demand) -> None:
        """A variable that starts as None must have been given something else."""
        values = self._classes.values(node, demand.scope)
        others = [value.line for value in values if not value.is_none]
        if others and len(others) < len(values) and demand.kind != "assign":
            self._need(demand.line, AnyOf(others))


def _property_line(function: Function) -> int | None:
    """Return the line of the decorator that makes a method a property."""
    return next((line for name, line in decorators(function).items() if name in _PROPERTIES), None)


def _values(function: Function) -> list[int]:
    """Return the lines in which a function returns something other than None, or yields."""
    found = []
    todo: list[ast.AST] = list(function.body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Return):
            value = node.value
            if value and not (isinstance(value, ast.Constant) and value.value is None):
                found.append(node.lineno - 1)
        elif isinstance(node, ast.Yield | ast.YieldFrom):
            found.append(node.lineno - 1)
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            todo += ast.iter_child_nodes(node)
    return found


def _initializing_calls(method: Function) -> list[int]:
    """Return the lines of a method that call another class's ``__init__``."""
    return [
        node.lineno - 1
        for node in ast.walk(method)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "__init__"
    ]
