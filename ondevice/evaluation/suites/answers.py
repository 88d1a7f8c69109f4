"""From what a model wrote to the program that is judged."""

from __future__ import annotations

import ast
import re

from ondevice.fences import program_of

_CLOSING = re.compile(r"^(?:</code>|# SOLUTION END|END SOLUTION)", re.MULTILINE)


def completed(answer: str, stub: str, entry_point: str | None) -> str:
    """Return the whole program of an answer, with Markdown around it taken off.

    Where there is a stub (a signature with its docstring), an answer is one of two things: a whole
    program, told by its defining ``entry_point`` at the top level, which is taken as it is; or a
    completion, which follows on the stub.
    """
    program = program_of(answer)
    if not stub or (entry_point and defines(program, entry_point)):
        return program
    return stub + program


def inserted(answer: str) -> str:
    """Return the code of an answer that is inserted into a program: up to its closing mark."""
    return program_of(_CLOSING.split(answer, maxsplit=1)[0])


def defines(program: str, name: str) -> bool:
    """Return whether a program binds a name at its top level by def, class, assignment or import.

    A program that does not parse is asked for a line that begins such a definition.
    """
    try:
        tree = ast.parse(program)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        pattern = rf"^(?:(?:async +)?def|class) +{re.escape(name)}\b"
        return re.search(pattern, program, re.MULTILINE) is not None
    return any(name in _bound_by(statement) for statement in tree.body)


def _bound_by(statement: ast.stmt) -> set[str]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name for alias in statement.names}
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign) and statement.value:
        targets = [statement.target]
    return {
        node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)
    }
