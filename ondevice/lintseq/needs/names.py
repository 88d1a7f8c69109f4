"""What the uses of names need: a binding that comes before, whichever way the program runs.

The rules are those by which pylint tells ``used-before-assignment`` and its like (its messages
E0601, E0602, E0603 and E0606): loops and ``try`` blocks count as run, an ``if`` only when each of
its branches binds the name or leaves, and lines stand for time.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Sequence

from ondevice.lintseq.needs.conditions import (
    ALWAYS,
    NEVER,
    AllOf,
    AnyOf,
    Condition,
    Gone,
    any_of,
    holds,
)
from ondevice.lintseq.needs.scopes import Binding, Scope, Try, Use
from ondevice.lintseq.needs.structure import Need
from ondevice.lintseq.needs.walk import Names

# With what every module has, and WindowsError, which other systems lack.
_BUILTINS = frozenset(dir(builtins)) | {
    *("__annotations__", "__builtins__", "__cached__", "__file__", "__path__", "WindowsError")
}
_CLASS_NAMES = frozenset({"__module__", "__qualname__", "__name__"})
_LEAVING = frozenset({"exit", "quit", "_exit", "abort", "assert_never"})
# What a use may ask of a binding, from the strictest on; the program as it is says what it can.
_CERTAIN, _BEFORE, _ANY = _RULES = range(3)
_NESTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


class NameNeeds:
    """Takes note of what every use in a module needs.

    ``there`` says of which lines the program consists: all of them. ``undefined`` lists (line,
    name) for names that nothing binds; ``doubtful`` says that others may be used too early.
    """

    def __init__(self, names: Names, need: Need, there: bytearray) -> None:
        self.undefined: list[tuple[int, str]] = []
        self.doubtful = False
        self._need = need
        self._there = there
        self._module = names.module
        self._postponed = names.postponed
        self._decided: dict[tuple[ast.If, str], Condition] = {}
        for scope in names.scopes:
            self._declarations(scope)
            for use in scope.uses:
                self._use(use)
        self._exports()

    def _declarations(self, scope: Scope) -> None:
        """A ``nonlocal`` needs a binding in a function outside, or the compiler refuses it."""
        for name, (line, is_global) in scope.declared.items():
            outer = scope.parent
            while not is_global and outer:
                if outer.kind == "function" and name in outer.bindings:
                    self._need(line, AnyOf(binding.line for binding in outer.bindings[name]))
                    break
                outer = outer.parent

    def _exports(self) -> None:
        stars = [star.line for star in self._module.stars]
        for name, line in self._module.exports:
            if bindings := self._module.bindings.get(name):
                self._need(line, AnyOf([*(binding.line for binding in bindings), *stars]))
            elif lazy := self._module.bindings.get("__getattr__"):
                self._need(line, AnyOf(binding.line for binding in lazy))
            elif not stars:
                self.undefined.append((line, name))

    def _use(self, use: Use) -> None:
        for rule in _RULES:
            condition = self._resolved(use, use.scope, False, rule)
            if condition is ALWAYS:
                return
            if holds(condition, self._there):
                break
            self.doubtful = True  # the program as it is breaks the rule
        else:
            if not use.guarded:
                self.undefined.append((use.line, use.name))
            return
        if rule == _ANY and use.annotates and self._postponed is not None:
            condition = AllOf((self._postponed, condition))
        if condition != use.line and not (isinstance(condition, AnyOf) and use.line in condition):
            self._need(use.line, condition)
        declared = use.scope.declared.get(use.name)
        if declared and use.name in use.scope.stored:
            self._need(use.line, declared[0])

    def _resolved(
        self, use: Use, scope: Scope | None, deferred: bool, rule: int, *, stars: bool = True
    ) -> Condition:
        """Return the condition that a name is bound in ``scope`` or outside of it.

        What nothing else binds, ``stars`` may.
        """
        inner = use.scope
        while scope:
            name = use.name
            if name in scope.declared and scope.declared[name][1]:
                scope = self._module
            hidden = scope.kind == "class" and scope is not inner
            if name in scope.bindings and not hidden:
                return self._in_scope(use, scope, deferred, rule)
            if scope.kind == "class" and scope is inner and name in _CLASS_NAMES:
                return ALWAYS
            if scope.kind == "function" and name == "__class__":
                return ALWAYS
            if scope.kind == "comprehension" and scope is inner:
                inner = scope.parent or scope
                if inner.kind == "class":
                    inner = scope
            deferred = deferred or scope.deferred
            scope = scope.parent
        if use.name in _BUILTINS:
            return ALWAYS
        if not stars:
            return NEVER
        return AnyOf(
            star.line
            for star in self._module.stars
            if deferred or star.order < use.order or rule == _ANY
        )

    def _in_scope(self, use: Use, scope: Scope, deferred: bool, rule: int) -> Condition:
        bindings = scope.bindings[use.name]
        before = [one for one in bindings if deferred or one.order < use.order or rule == _ANY]
        if rule == _CERTAIN:
            ways = [way for binding in before for way in self._certain(binding, use)]
        else:
            ways = [_there(binding) for binding in before]
        found = any_of(ways)
        if use.here:
            return found
        outside = self._resolved(use, scope.parent, deferred or scope.deferred, rule, stars=False)
        if scope is self._module:  # outside of it are the builtins, or what a star imports
            return ALWAYS if outside is ALWAYS else found
        # A variable without its value would turn into the function of that name outside.
        if outside == NEVER or outside is ALWAYS or self._names_definition(use.name, scope.parent):
            return found
        gone = Gone(dict.fromkeys(binding.line for binding in bindings))
        return AnyOf((*ways, AllOf((gone, outside))))

    @staticmethod
    def _names_definition(name: str, scope: Scope | None) -> bool:
        """Return whether a name stands for a function or class in a scope, or outside of it."""
        while scope:
            if name in scope.bindings and scope.kind != "class":
                return any(isinstance(one.node, _NESTED) for one in scope.bindings[name])
            scope = scope.parent
        return False

    def _certain(self, binding: Binding, use: Use) -> Iterable[Condition]:
        """Yield the condition that a binding surely happens before a use, if it can."""
        parts: list[Condition] = [_there(binding)]
        branches = [one for one in binding.branches if not _contains(one, use.line)]
        if branches:
            parts.append(self._decides(branches[0], use.name))
        for statement, handler in binding.handlers[-1:]:
            if not _contains(handler, use.line):
                returns = _lines(ast.Return, [*statement.body, *statement.orelse])
                parts += [AnyOf(returns), *self._handlers(statement, use.name)]
        for statement in binding.tries:
            if use.handler in statement.handlers:
                return
            if use.final is statement:
                handled = self._handlers(statement, use.name)
                parts += handled or [NEVER]
        yield parts[0] if len(parts) == 1 else AllOf(parts)

    def _handlers(self, statement: Try, name: str) -> list[Condition]:
        return [
            _unless_gone(handler.lineno - 1, self._somewhere(handler.body, name))
            for handler in statement.handlers
        ]

    def _decides(self, node: ast.If, name: str) -> Condition:
        """Return the condition that every branch of an ``if`` binds the name or leaves."""
        key = (node, name)
        if key not in self._decided:
            jumps = _lines((ast.Break, ast.Continue), [node])
            branches: list[Condition] = [self._branch(node.body, name)]
            rest = node.orelse
            while len(rest) == 1 and isinstance(rest[0], ast.If):
                inner = rest[0]
                branches.append(_unless_gone(inner.lineno - 1, self._branch(inner.body, name)))
                rest = inner.orelse
            branches.append(self._branch(rest, name))
            self._decided[key] = AnyOf((*jumps, AllOf(branches)))
        return self._decided[key]

    def _branch(self, body: Sequence[ast.stmt], name: str) -> Condition:
        ways: list[Condition] = []
        for statement in body:
            if _binds_or_leaves(statement, name):
                ways.append(statement.lineno - 1)
            elif isinstance(statement, ast.If):
                ways.append(self._decides(statement, name))
            elif isinstance(statement, ast.Try | ast.TryStar):
                ways.append(self._somewhere([statement], name))
                if handled := self._handlers(statement, name):
                    ways.append(AllOf(handled))
            elif isinstance(statement, ast.Match):
                ways.append(AllOf(self._somewhere(case.body, name) for case in statement.cases))
            elif isinstance(statement, ast.With | ast.AsyncWith | ast.For | ast.While):
                ways.append(self._somewhere(statement.body, name))
        return AnyOf(ways)

    def _somewhere(self, body: Sequence[ast.stmt], name: str) -> Condition:
        """Return the condition that a statement in a block binds the name or leaves."""
        return AnyOf(
            part.lineno - 1
            for part in _statements(body)
            if isinstance(part, ast.stmt) and _binds_or_leaves(part, name)
        )


def _there(binding: Binding) -> Condition:
    if binding.declared is None:
        return binding.line
    return AllOf((binding.line, binding.declared))


def _unless_gone(line: int, condition: Condition) -> Condition:
    return AnyOf((Gone((line,)), condition))


def _contains(node: ast.stmt | ast.ExceptHandler, line: int) -> bool:
    return node.lineno - 1 <= line < (node.end_lineno or node.lineno)


def _statements(body: Sequence[ast.AST]) -> Iterable[ast.AST]:
    """Yield the statements below, without those of functions and classes inside."""
    todo = list(body)
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, _NESTED):
            todo += [
                part
                for part in ast.iter_child_nodes(node)
                if isinstance(part, ast.stmt | ast.ExceptHandler | ast.match_case)
            ]


def _lines(
    kinds: type[ast.stmt] | tuple[type[ast.stmt], ...], body: Sequence[ast.AST]
) -> list[int]:
    return [
        part.lineno - 1
        for part in _statements(body)
        if isinstance(part, kinds) and isinstance(part, ast.stmt)
    ]


def _binds_or_leaves(statement: ast.stmt, name: str) -> bool:
    """Return whether a statement itself binds a name, or ends the block that it stands in."""
    match statement:
        case ast.Return() | ast.Raise() | ast.Assert() | ast.Continue():
            return True
        case ast.Expr(value=ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called))):
            return called in _LEAVING
        case ast.Assign(targets=targets):
            return any(_binds(target, name) for target in targets)
        case ast.AnnAssign(target=target, value=value):
            return value is not None and _binds(target, name)
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            return any((alias.asname or alias.name.partition(".")[0]) == name for alias in aliases)
        case ast.With(items=items) | ast.AsyncWith(items=items):
            return any(item.optional_vars and _binds(item.optional_vars, name) for item in items)
        case ast.FunctionDef(name=own) | ast.AsyncFunctionDef(name=own) | ast.ClassDef(name=own):
            return own == name
    return False


def _binds(target: ast.expr, name: str) -> bool:
    match target:
        case ast.Name(id=own):
            return own == name
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            return any(_binds(part, name) for part in parts)
        case ast.Starred(value=value):
            return _binds(value, name)
    return False
