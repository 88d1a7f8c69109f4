"""Finds what a program binds, uses and demands, in one walk over its syntax tree.

The walk goes in the order in which Python evaluates, so that a use comes before or after a binding
as it does when the program runs.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from typing import Any

from ondevice.lintseq.needs.scopes import Binding, Demand, Scope, Try, Use


class Names:
    """All scopes of a module, the module first, with every binding, use and demand.

    ``stores`` holds every attribute that is assigned, with its scope and the value, where that is
    one expression; ``postponed`` the line of ``from __future__ import annotations``.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.demands: list[Demand] = []
        self.stores: list[tuple[ast.Attribute, Scope, ast.expr | None]] = []
        self.module = Scope("module", None, tree)
        self.scopes = [self.module]
        self._scope = self.module
        self._order = 0
        self._branches: tuple[ast.If, ...] = ()
        self._handlers: tuple[tuple[Try, ast.ExceptHandler], ...] = ()
        self._tries: tuple[Try, ...] = ()
        self._final: Try | None = None
        self._guarded = False
        self._annotating = False
        self.postponed: int | None = None
        self._visit_all(tree.body)

    # What a walk over statements and expressions does with each kind of node.

    def _visit(self, node: ast.AST) -> None:
        visitor = _VISITORS.get(type(node))
        if visitor:
            visitor(self, node)
        elif type(node) not in _LEAVES:
            for name in node._fields:
                value = getattr(node, name, None)
                if isinstance(value, list):
                    for item in value:
                        if isinstance(item, ast.AST):
                            self._visit(item)
                elif isinstance(value, ast.AST):
                    self._visit(value)

    def _visit_all(self, nodes: Iterable[ast.AST | None]) -> None:
        for node in nodes:
            if node is not None:
                self._visit(node)

    def _demand(self, kind: str, node: ast.expr) -> None:
        self.demands.append(Demand(kind, node, node.lineno - 1, self._scope))

    def _bind(self, name: str, line: int, node: ast.AST | None = None) -> None:
        self._order += 1
        scope = self._scope
        while scope.kind == "comprehension" and scope.parent and name not in scope.bindings:
            # Only targets are bound in a comprehension; see _comprehension.
            scope = scope.parent
        self._bind_in(scope, name, line, node)

    def _bind_in(self, scope: Scope, name: str, line: int, node: ast.AST | None = None) -> None:
        binding = Binding(line, self._order, self._branches, self._handlers, self._tries, node)
        if name in scope.declared:
            scope.stored.add(name)
            if not scope.declared[name][1]:
                return
            # Nobody can say when the function runs.
            scope, binding = self.module, Binding(line, -1, declared=scope.declared[name][0])
        scope.bindings.setdefault(name, []).append(binding)

    def _use(self, name: str, line: int, *, here: bool = False) -> None:
        self._order += 1
        handler = self._handlers[-1][1] if self._handlers else None
        self._scope.uses.append(
            Use(
                name,
                line,
                self._order,
                self._scope,
                handler,
                self._final,
                self._guarded,
                here,
                self._annotating,
            )
        )

    def _name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Store):
            self._bind(node.id, node.lineno - 1)
        else:
            self._use(node.id, node.lineno - 1, here=isinstance(node.ctx, ast.Del))

    def _assign(self, node: ast.Assign) -> None:
        self._visit(node.value)
        for target in node.targets:
            if isinstance(target, ast.Name):
                self._bind(target.id, target.lineno - 1, node.value)
                if target.id == "__all__":
                    self._export(node.value)
            elif isinstance(target, ast.Attribute):
                self.stores.append((target, self._scope, node.value))
                self._visit(target.value)
            else:
                self._visit(target)
        unpacked = isinstance(node.targets[0], ast.Tuple | ast.List)
        self._demand("unpack" if unpacked else "assign", node.value)

    def _annotated(self, node: ast.AnnAssign) -> None:
        self._annotation(node.annotation)
        if node.value:
            self._visit(node.value)
            if isinstance(node.target, ast.Attribute):
                self.stores.append((node.target, self._scope, node.value))
                self._visit(node.target.value)
                return
            self._visit(node.target)
            if isinstance(node.target, ast.Name) and node.target.id == "__all__":
                self._export(node.value)
        elif not isinstance(node.target, ast.Name):
            self._visit(node.target)

    def _augmented(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self._use(node.target.id, node.lineno - 1, here=True)
            if node.target.id == "__all__":
                self._export(node.value)
        elif isinstance(node.target, ast.Attribute):
            self._demand("attribute", node.target)
            self._visit(node.value)
            self._visit(node.target.value)
            return
        self._visit(node.value)
        self._visit(node.target)

    def _attribute(self, node: ast.Attribute) -> None:
        if isinstance(node.ctx, ast.Store):
            self.stores.append((node, self._scope, None))
        else:
            self._demand("attribute", node)
        self._visit(node.value)

    def _call(self, node: ast.Call) -> None:
        self._demand("call", node)
        self._visit(node.func)
        self._visit_all(node.args)
        self._visit_all(node.keywords)

    def _subscript(self, node: ast.Subscript) -> None:
        kinds = {ast.Load: "subscript", ast.Store: "store item", ast.Del: "delete item"}
        self._demand(kinds[type(node.ctx)], node.value)
        self._visit(node.value)
        self._visit(node.slice)

    def _compare(self, node: ast.Compare) -> None:
        self._visit(node.left)
        for operator, side in zip(node.ops, node.comparators, strict=True):
            if isinstance(operator, ast.In | ast.NotIn):
                self._demand("contain", side)
            self._visit(side)

    def _binary(self, node: ast.BinOp) -> None:
        if isinstance(node.op, ast.Mod) and isinstance(node.right, ast.Tuple):
            self._demand("format", node)
        self._visit(node.left)
        self._visit(node.right)

    def _unary(self, node: ast.UnaryOp) -> None:
        if not isinstance(node.op, ast.Not):
            self._demand("negate", node.operand)
        self._visit(node.operand)

    def _export(self, value: ast.expr) -> None:
        if self._scope is not self.module:
            return
        if isinstance(value, ast.BinOp):
            self._export(value.left)
            self._export(value.right)
        elif isinstance(value, ast.Name):
            for binding in self.module.bindings.get(value.id, ()):
                if isinstance(binding.node, ast.List | ast.Tuple):
                    self._export(binding.node)
        elif isinstance(value, ast.List | ast.Tuple):
            self.module.exports += [
                (item.value, item.lineno - 1)
                for item in value.elts
                if isinstance(item, ast.Constant) and isinstance(item.value, str)
            ]

    def _named(self, node: ast.NamedExpr) -> None:
        self._visit(node.value)
        self._order += 1
        scope = self._scope
        while scope.kind == "comprehension" and scope.parent:
            scope = scope.parent
        self._bind_in(scope, node.target.id, node.lineno - 1)

    def _import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._bind(alias.asname or alias.name.partition(".")[0], alias.lineno - 1, node)

    def _import_from(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            if node.module == "__future__" and alias.name == "annotations":
                self.postponed = alias.lineno - 1
            if alias.name == "*":
                self._order += 1
                self._scope.stars.append(Binding(node.lineno - 1, self._order))
            else:
                self._bind(alias.asname or alias.name, alias.lineno - 1, node)

    def _declaration(self, node: ast.Global | ast.Nonlocal) -> None:
        for name in node.names:
            if self._scope is not self.module:
                self._scope.declared[name] = (node.lineno - 1, isinstance(node, ast.Global))

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        self._demand("iterate", node.iter)
        self._visit(node.iter)
        self._visit(node.target)
        self._visit_all(node.body)
        self._visit_all(node.orelse)

    def _with(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            self._demand("with", item.context_expr)
            self._visit(item.context_expr)
            if item.optional_vars:
                self._visit(item.optional_vars)
        self._visit_all(node.body)

    def _if(self, node: ast.If) -> None:
        self._visit(node.test)
        before = self._branches
        self._branches = (*before, node)
        self._visit_all(node.body)
        self._visit_all(node.orelse)
        self._branches = before

    def _try(self, node: Try) -> None:
        before = self._tries, self._guarded, self._final
        self._tries = (*self._tries, node)
        self._guarded = self._guarded or any(map(_catches_name_error, node.handlers))
        self._visit_all(node.body)
        self._tries, self._guarded, self._final = before
        for handler in node.handlers:
            outer = self._handlers
            self._handlers = (*outer, (node, handler))
            if handler.type:
                self._visit(handler.type)
            if handler.name:
                self._bind(handler.name, handler.lineno - 1)
            self._visit_all(handler.body)
            self._handlers = outer
        self._visit_all(node.orelse)
        self._final = node
        self._visit_all(node.finalbody)
        self._final = before[2]

    def _capture(self, node: ast.MatchAs | ast.MatchStar) -> None:
        if isinstance(node, ast.MatchAs) and node.pattern:
            self._visit(node.pattern)
        if node.name:
            self._bind(node.name, node.lineno - 1)

    def _mapping(self, node: ast.MatchMapping) -> None:
        self._visit_all([*node.keys, *node.patterns])
        if node.rest:
            self._bind(node.rest, node.lineno - 1)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._visit_all(node.decorator_list)
        self._defaults(node.args)
        parameters = _type_parameters(node)
        if not parameters:
            self._annotations(node.args, node.returns)
        self._bind(node.name, node.lineno - 1, node)

        def inside() -> None:
            self._type_parameters(parameters)
            if parameters:
                self._annotations(node.args, node.returns)
            self._parameters(node.args)
            self._visit_all(node.body)

        self._inside("function", node, inside)

    def _lambda(self, node: ast.Lambda) -> None:
        self._defaults(node.args)

        def inside() -> None:
            self._parameters(node.args)
            self._visit(node.body)

        self._inside("lambda", node, inside)

    def _class(self, node: ast.ClassDef) -> None:
        self._visit_all(node.decorator_list)
        parameters = _type_parameters(node)
        if not parameters:
            self._visit_all([*node.bases, *node.keywords])

        def inside() -> None:
            self._type_parameters(parameters)
            if parameters:
                self._visit_all([*node.bases, *node.keywords])
            self._visit_all(node.body)

        self._inside("class", node, inside)
        self._bind(node.name, node.lineno - 1, node)

    def _comprehension(self, node: Any) -> None:
        """The first iterable is evaluated outside; targets are bound inside, walruses outside."""
        first = node.generators[0]
        self._demand("iterate", first.iter)
        self._visit(first.iter)

        def inside() -> None:
            for number, generator in enumerate(node.generators):
                if number:
                    self._demand("iterate", generator.iter)
                    self._visit(generator.iter)
                for part in ast.walk(generator.target):
                    if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                        self._scope.bindings.setdefault(part.id, [])
                self._visit(generator.target)
                self._visit_all(generator.ifs)
            if isinstance(node, ast.DictComp):
                self._visit_all([node.key, node.value])
            else:
                self._visit(node.elt)

        self._inside("comprehension", node, inside)

    def _inside(self, kind: str, node: ast.AST, visit: Callable[[], None]) -> None:
        """Visit what stands in a scope of its own."""
        before = self._scope, self._branches, self._handlers, self._tries, self._final
        guarded = self._guarded
        self._scope = Scope(kind, before[0], node)
        self.scopes.append(self._scope)
        if kind != "comprehension":
            self._branches, self._handlers, self._tries, self._final = (), (), (), None
            self._guarded = guarded and kind == "class"
        visit()
        self._scope, self._branches, self._handlers, self._tries, self._final = before
        self._guarded = guarded

    def _defaults(self, arguments: ast.arguments) -> None:
        self._visit_all([*arguments.defaults, *arguments.kw_defaults])

    def _annotations(self, arguments: ast.arguments, returns: ast.expr | None) -> None:
        for argument in _arguments(arguments):
            if argument.annotation:
                self._annotation(argument.annotation)
        if returns:
            self._annotation(returns)

    def _parameters(self, arguments: ast.arguments) -> None:
        for argument in _arguments(arguments):
            self._bind(argument.arg, argument.lineno - 1)

    def _type_parameters(self, parameters: list[Any]) -> None:
        for parameter in parameters:
            self._bind(parameter.name, parameter.lineno - 1)
            if getattr(parameter, "bound", None):
                self._visit(parameter.bound)

    def _type_alias(self, node: Any) -> None:
        self._visit(node.name)

        def inside() -> None:
            self._type_parameters(node.type_params)
            self._visit(node.value)

        self._inside("function", node, inside)

    def _annotation(self, node: ast.expr) -> None:
        """Visit an annotation; a text in it is an expression, too."""
        self._annotating = True
        self._visit(node)
        self._annotating = False
        for part in ast.walk(node):
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                if _in_literal(node, part):
                    continue
                try:
                    inner = ast.parse(part.value.strip(), mode="eval")
                except (SyntaxError, ValueError, RecursionError, MemoryError):
                    continue
                for name in ast.walk(inner):
                    if isinstance(name, ast.Name):
                        self._postponed(name.id, part.lineno - 1)

    def _postponed(self, name: str, line: int) -> None:
        """Use a name at a time when all of the module is bound."""
        order, self._order = self._order, 1 << 60
        self._use(name, line)
        self._order = order


def _in_literal(root: ast.expr, constant: ast.Constant) -> bool:
    """Return whether a text stands in ``Literal[...]`` or ``Annotated[...]``."""
    for part in ast.walk(root):
        if isinstance(part, ast.Subscript):
            name = part.value
            called = name.attr if isinstance(name, ast.Attribute) else getattr(name, "id", "")
            if called in ("Literal", "Annotated") and constant in ast.walk(part.slice):
                return True
    return False


def _arguments(arguments: ast.arguments) -> list[ast.arg]:
    found = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return found + [argument for argument in (arguments.vararg, arguments.kwarg) if argument]


def _type_parameters(node: Any) -> list[Any]:
    return list(getattr(node, "type_params", ()))


def _catches_name_error(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(one, ast.Name) and one.id == "NameError" for one in types)


_LEAVES = frozenset({ast.Constant, ast.Pass, ast.Break, ast.Continue, ast.Load, ast.Store, ast.Del})
_VISITORS: dict[type, Callable[[Names, Any], None]] = {
    ast.Name: Names._name,
    ast.Assign: Names._assign,
    ast.AnnAssign: Names._annotated,
    ast.AugAssign: Names._augmented,
    ast.Attribute: Names._attribute,
    ast.Call: Names._call,
    ast.Subscript: Names._subscript,
    ast.Compare: Names._compare,
    ast.BinOp: Names._binary,
    ast.UnaryOp: Names._unary,
    ast.NamedExpr: Names._named,
    ast.Import: Names._import,
    ast.ImportFrom: Names._import_from,
    ast.Global: Names._declaration,
    ast.Nonlocal: Names._declaration,
    ast.For: Names._for,
    ast.AsyncFor: Names._for,
    ast.With: Names._with,
    ast.AsyncWith: Names._with,
    ast.If: Names._if,
    ast.Try: Names._try,
    ast.TryStar: Names._try,
    ast.MatchAs: Names._capture,
    ast.MatchStar: Names._capture,
    ast.MatchMapping: Names._mapping,
    ast.FunctionDef: Names._function,
    ast.AsyncFunctionDef: Names._function,
    ast.Lambda: Names._lambda,
    ast.ClassDef: Names._class,
    ast.ListComp: Names._comprehension,
    ast.SetComp: Names._comprehension,
    ast.GeneratorExp: Names._comprehension,
    ast.DictComp: Names._comprehension,
}
if hasattr(ast, "TypeAlias"):
    _VISITORS[ast.TypeAlias] = Names._type_alias
