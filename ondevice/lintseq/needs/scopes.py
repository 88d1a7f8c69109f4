"""What is known of a program's names: scopes, and the bindings, uses and demands in them."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

Try = ast.Try | ast.TryStar


@dataclass(slots=True)
class Binding:
    """A place where a name gets a value.

    ``branches``, ``handlers`` and ``tries`` are what it stands in, within its scope and from the
    outside in: ``if`` statements, ``except`` clauses with their statement, and ``try`` blocks.
    """

    line: int
    order: int
    branches: tuple[ast.If, ...] = ()
    handlers: tuple[tuple[Try, ast.ExceptHandler], ...] = ()
    tries: tuple[Try, ...] = ()
    node: ast.AST | None = None
    """The function, class or import that binds it, or the expression that it is assigned."""
    declared: int | None = None
    """The line of the ``global`` statement without which it would bind in another scope."""


@dataclass(slots=True)
class Use:
    """A place where a name is looked up.

    ``handler`` and ``final`` are the innermost ``except`` clause, and the innermost statement in
    whose ``finally`` block it stands. ``guarded`` says that a NameError would be caught.
    """

    name: str
    line: int
    order: int
    scope: Scope
    handler: ast.ExceptHandler | None = None
    final: Try | None = None
    guarded: bool = False
    here: bool = False
    """Whether the name must be bound in this scope: it is deleted, or updated in place."""
    annotates: bool = False
    """Whether it stands in an annotation, whose evaluation may be postponed."""


@dataclass(slots=True, eq=False)
class Scope:
    """A module, function, class, lambda or comprehension, and what it binds and uses.

    ``declared`` maps the names of ``global`` and ``nonlocal`` statements to the statement's line
    and whether it is ``global``; ``stars`` holds every ``from ... import *``.
    """

    kind: str
    parent: Scope | None
    node: ast.AST
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    uses: list[Use] = field(default_factory=list)
    declared: dict[str, tuple[int, bool]] = field(default_factory=dict)
    stored: set[str] = field(default_factory=set)
    stars: list[Binding] = field(default_factory=list)
    exports: list[tuple[str, int]] = field(default_factory=list)

    @property
    def deferred(self) -> bool:
        """Whether its body runs at another time than where it stands."""
        return self.kind in ("function", "lambda")


@dataclass(slots=True)
class Demand:
    """A place where an expression must have a value of a certain kind.

    ``kind`` is "attribute", "call" (the node is the attribute or the call itself), "subscript",
    "store item", "delete item", "iterate", "unpack", "contain", "with", "negate", "format" (the
    node is the whole operation), or "assign" (any value but None; the node is what must have it).
    """

    kind: str
    node: ast.expr
    line: int
    scope: Scope
