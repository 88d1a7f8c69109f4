"""What the block structure of Python asks of lines: a header needs a body, an ``else`` its ``if``.

Also which statements span several lines: all of those need the first, and when another one goes,
only the parser can say whether the rest still is a statement.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from ondevice.lintseq.needs.conditions import AnyOf, Condition
from ondevice.lintseq.needs.layout import Layout

Need = Callable[[int, Condition], None]
"""Takes note that a line needs a condition."""

_BLOCKS = (ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.If)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Structure:
    """Walks the statements of a module and takes note of what their lines need.

    ``spans`` maps the first line of every statement, or header of a block, that spans several to
    its last line; ``headers`` holds those of them that are headers.
    """

    def __init__(self, layout: Layout, need: Need) -> None:
        self._layout = layout
        self._need = need
        self.spans: dict[int, int] = {}
        self.headers: set[int] = set()

    def walk(self, body: Sequence[ast.stmt], header: int | None = None) -> None:
        """Take note of what a block needs, whose header is in line ``header`` (None: a module)."""
        if header is not None:
            self._block(header, body)
        for statement in body:
            line = statement.lineno - 1
            if isinstance(statement, _DEFINITIONS):
                self._decorators(statement, line)
                self._header(line, statement.body)
                self.walk(statement.body, line)
            elif isinstance(statement, _BLOCKS):
                self._header(line, statement.body)
                self.walk(statement.body, line)
                if not isinstance(statement, ast.With | ast.AsyncWith):
                    self._otherwise(statement, line)
            elif isinstance(statement, ast.Try | ast.TryStar):
                self._try(statement, line)
            elif isinstance(statement, ast.Match):
                self._match(statement, line)
            else:
                self._span(line, (statement.end_lineno or statement.lineno) - 1)

    def _block(self, header: int, body: Sequence[ast.stmt]) -> None:
        firsts = [statement.lineno - 1 for statement in body]
        if firsts[0] != header:
            self._need(header, AnyOf(firsts))
        for first in firsts:
            if first >= self._layout.ends[header]:  # a comment or string stands further left
                self._need(first, header)

    def _decorators(self, statement: ast.stmt, line: int) -> None:
        assert isinstance(statement, _DEFINITIONS)
        for decorator in statement.decorator_list:
            self._need(decorator.lineno - 1, line)
            self._span(decorator.lineno - 1, (decorator.end_lineno or decorator.lineno) - 1)

    def _otherwise(self, statement: ast.stmt, line: int) -> None:
        """The ``elif`` and ``else`` of a statement; all need the line of the first header."""
        assert isinstance(statement, ast.If | ast.For | ast.AsyncFor | ast.While)
        body, rest = statement.body, statement.orelse
        while rest:
            first = rest[0].lineno - 1
            if isinstance(rest[0], ast.If) and self._starts(rest[0], "elif"):
                self._need(first, line)
                self._header(first, rest[0].body)
                self.walk(rest[0].body, first)
                body, rest = rest[0].body, rest[0].orelse
            else:
                clause = self._clause("else", first, body)
                self._need(clause, line)
                self.walk(rest, clause)
                break

    def _try(self, statement: ast.Try | ast.TryStar, line: int) -> None:
        self.walk(statement.body, line)
        handlers = [handler.lineno - 1 for handler in statement.handlers]
        before = statement.body
        for number, handler in zip(handlers, statement.handlers, strict=True):
            self._need(number, line)
            self._header(number, handler.body)
            self.walk(handler.body, number)
            before = handler.body
        ways = [*handlers]
        if statement.orelse:
            clause = self._clause("else", statement.orelse[0].lineno - 1, before)
            self._need(clause, line)
            self._need(clause, AnyOf(handlers))
            self.walk(statement.orelse, clause)
            before = statement.orelse
        if statement.finalbody:
            clause = self._clause("finally", statement.finalbody[0].lineno - 1, before)
            self._need(clause, line)
            self.walk(statement.finalbody, clause)
            ways.append(clause)
        self._need(line, AnyOf(ways))

    def _match(self, statement: ast.Match, line: int) -> None:
        cases = [case.pattern.lineno - 1 for case in statement.cases]
        self._need(line, AnyOf(cases))
        for number, case in zip(cases, statement.cases, strict=True):
            if number >= self._layout.ends[line]:
                self._need(number, line)
            self._header(number, case.body)
            self.walk(case.body, number)

    def _starts(self, statement: ast.stmt, word: str) -> bool:
        return self._layout.lines[statement.lineno - 1].lstrip().startswith(word)

    def _clause(self, word: str, first: int, before: Sequence[ast.stmt]) -> int:
        """Return the line of the clause whose block begins in line ``first``."""
        last = (before[-1].end_lineno or before[-1].lineno) - 1
        for number in range(first, last, -1):
            if self._layout.lines[number].lstrip().startswith(word):
                return number
        return first

    def _header(self, line: int, body: Sequence[ast.stmt]) -> None:
        """Take note of a header that spans several lines, up to the body."""
        first = body[0]
        lines = [first.lineno]
        if isinstance(first, _DEFINITIONS):
            lines += [decorator.lineno for decorator in first.decorator_list]
        last = min(lines) - 2
        while last > line and self._is_idle(last):
            last -= 1
        if last > line:
            self.headers.add(line)
            self._span(line, last)

    def _is_idle(self, line: int) -> bool:
        return not self._layout.filled[line] or self._layout.lines[line].lstrip().startswith("#")

    def _span(self, first: int, last: int) -> None:
        if last > first:
            self.spans[first] = max(last, self.spans.get(first, 0))
            for number in range(first + 1, last + 1):
                self._need(number, first)
