"""What a file gives to a corpus: itself, and the functions and classes that stand alone."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from ondevice import checks
from ondevice.corpora.files import Program
from ondevice.errors import CheckError

_SHORTEST_DOCSTRING = 20
_LONGEST_DOCSTRING = 1000
_LONGEST = 80
"""Lines of a function or class that is taken by itself."""
_UNDEFINED = re.compile(r"undefined name '(.+)'")

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True, slots=True)
class Piece:
    """A row in the making: a program, its kind, and the line of the file that it begins in.

    ``instruction`` asks for it by its header and docstring, ``summary`` by the docstring's first
    paragraph; both are empty for a whole file.
    """

    kind: str
    line: int
    program: str
    instruction: str = ""
    summary: str = ""


def whole_file(program: Program) -> Piece:
    """Return a file as it is."""
    text = program.text.strip("\n")
    return Piece("file", 1, f"{text}\n")


def standing_alone(program: Program) -> Iterator[Piece]:
    """Yield the functions and classes, at the top of a file, that need the standard library alone.

    Each has a docstring, no decorators, no globals, and at least one statement besides; the
    imports that it needs stand before it. Each passes the check ``names``.
    """
    lines = program.text.split("\n")
    imports = _imports(program.tree)
    for node in program.tree.body:
        if not isinstance(node, Definition) or node.decorator_list or len(node.body) < 2:
            continue
        docstring = ast.get_docstring(node)
        end = node.end_lineno or node.lineno
        if not docstring or end - node.lineno >= _LONGEST:
            continue
        if any(isinstance(part, ast.Global) for part in ast.walk(node)):
            continue
        if not _SHORTEST_DOCSTRING <= len(docstring) <= _LONGEST_DOCSTRING:
            continue
        text = "\n".join(line.rstrip() for line in lines[node.lineno - 1 : end]) + "\n"
        if complete := _with_imports(text, imports):
            head = "\n".join(lines[node.lineno - 1 : node.body[0].end_lineno])
            kind = "class" if isinstance(node, ast.ClassDef) else "function"
            summary = " ".join(docstring.partition("\n\n")[0].split())
            yield Piece(kind, node.lineno, complete, f"{head}\n", summary)


def _imports(tree: ast.Module) -> dict[str, str]:
    """Return, by the name that it binds, how to import it from the standard library."""
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if _is_standard(alias.name) and (alias.asname or "." not in alias.name):
                    found[alias.asname or alias.name] = ast.unparse(ast.Import([alias]))
        elif isinstance(node, ast.ImportFrom) and not node.level and _is_standard(node.module):
            for alias in node.names:
                single = ast.ImportFrom(node.module, [alias], 0)
                found[alias.asname or alias.name] = ast.unparse(single)
    return found


def _is_standard(module: str | None) -> bool:
    root = (module or "").partition(".")[0]
    return root in sys.stdlib_module_names and root != "__future__"


def _with_imports(text: str, imports: dict[str, str]) -> str | None:
    """Return a definition with the imports that it needs, if that makes it whole."""
    try:
        needed = set()
        for finding in checks.names(text):
            missing = _UNDEFINED.fullmatch(finding.message)
            if not missing or missing[1] not in imports:
                return None
            needed.add(imports[missing[1]])
        if not needed:
            return text
        complete = "\n".join(sorted(needed)) + f"\n\n\n{text}"
        return None if checks.names(complete) else complete
    except CheckError:
        return None
