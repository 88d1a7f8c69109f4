"""What a file gives to a corpus: itself, and its functions and classes that stand alone.

One stands alone when all its names are bound by itself, the builtins, or imports from the standard
library, which then come along.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from ondevice import checks
from ondevice.corpora import standing
from ondevice.corpora.filters import Program
from ondevice.corpora.standing import Bindings, Definition, NotAloneError
from ondevice.errors import CheckError

_FEWEST_WORDS, _FEWEST_CHARACTERS, _MOST_CHARACTERS = 3, 15, 600
_SHARE_OF_ASCII = 0.9
_UNTELLING = re.compile(
    r"(see|same as|deprecated|todo|fixme|xxx|undocumented|internal|private|like) |[:@.>*\W]",
    re.IGNORECASE,
)
_ROLE = re.compile(r":[a-z:]+:`~?([^`<]+?)(?:\s*<[^`]*>)?`")


@dataclass(frozen=True, slots=True)
class Piece:
    """A row in the making: its kind, and the line of the file at which it begins.

    ``instruction`` asks for it by signature and docstring, and is empty for a whole file.
    """

    kind: str
    line: int
    program: str
    name: str = ""
    instruction: str = ""


def whole_file(program: Program) -> Piece:
    """Return a file as it is, but for blank lines around it."""
    text = program.text.strip("\n")
    return Piece("file", 1, f"{text}\n")


def standing_alone(
    program: Program, *, max_lines: int, docstring: str, left_out: Counter[str]
) -> Iterator[Piece]:
    """Yield the functions and classes at the top of a file that stand alone.

    ``left_out`` counts the others by reason.
    """
    bindings: Bindings | None = None
    lines = program.text.split("\n")
    for node in program.tree.body:
        if not isinstance(node, Definition):
            continue
        try:
            paragraph = _paragraph(node)
            bindings = bindings or Bindings(program.tree)
            yield _piece(node, lines, bindings, paragraph, max_lines, docstring)
        except NotAloneError as error:
            left_out[str(error)] += 1


def _paragraph(node: Definition) -> str:
    """Return the first paragraph of a docstring that says what the definition is for."""
    text = ast.get_docstring(node)
    if text is None:
        raise NotAloneError("no docstring")
    if _is_stub(node):
        raise NotAloneError("a stub")
    paragraph = re.split(r"\n[ \t]*\n", text.strip("\n"))[0].rstrip()
    paragraph = _ROLE.sub(r"`\1`", re.sub(r"\s*::$", ".", paragraph))
    words = re.findall(r"[^\W\d_]{2,}", paragraph)
    ascii_share = sum(map(str.isascii, paragraph)) / max(1, len(paragraph))
    if (
        len(words) < _FEWEST_WORDS
        or not _FEWEST_CHARACTERS <= len(paragraph) <= _MOST_CHARACTERS
        or ascii_share < _SHARE_OF_ASCII
        or _UNTELLING.match(paragraph)
    ):
        raise NotAloneError("a docstring that says little")
    return paragraph


def _is_stub(node: Definition) -> bool:
    """Return whether nothing is done but pass, raise or return a constant."""
    rest = node.body[1:]
    return len(rest) < 2 and all(
        isinstance(only, ast.Pass | ast.Raise)
        or (isinstance(only, ast.Expr) and isinstance(only.value, ast.Constant))
        or (isinstance(only, ast.Return) and isinstance(only.value, ast.Constant | None))
        for only in rest
    )


def _piece(
    node: Definition,
    lines: list[str],
    bindings: Bindings,
    paragraph: str,
    max_lines: int,
    docstring: str,
) -> Piece:
    start = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    first, then = node.body[0], node.body[1]
    if first.lineno == node.lineno or first.end_lineno == then.lineno:
        raise NotAloneError("a docstring on a line with code")
    signature = lines[node.lineno - 1 : first.lineno - 1]
    while not signature[-1].strip() or signature[-1].lstrip().startswith("#"):
        signature.pop()
    indent = lines[first.lineno - 1][: first.col_offset]
    summary = _docstring(paragraph, indent)
    whole = lines[first.lineno - 1 : first.end_lineno]
    kept = {"summary": summary, "whole": whole, "none": []}[docstring]
    rest = lines[first.end_lineno : node.end_lineno]
    while not kept and rest and not rest[0].strip():
        del rest[0]
    if len(signature) + len(kept) + len(rest) > max_lines:
        raise NotAloneError("too long")
    code = [*lines[start - 1 : node.lineno - 1], *signature, *kept, *rest]
    text = "\n".join(line.rstrip() for line in code) + "\n"
    program = _complete(text, node, bindings)
    instruction = "\n".join([*(line.rstrip() for line in signature), *summary]) + "\n"
    kind = "class" if isinstance(node, ast.ClassDef) else "function"
    return Piece(kind, start, program, node.name, instruction)


def _docstring(paragraph: str, indent: str) -> list[str]:
    """Return the lines of a docstring that holds one paragraph."""
    escaped = paragraph.replace("\\", "\\\\").replace('"""', r"\"\"\"")
    if escaped.endswith('"'):
        escaped = f'{escaped[:-1]}\\"'
    first, *others = inspect.cleandoc(escaped).split("\n")
    if not others:
        return [f'{indent}"""{first}"""']
    return [f'{indent}"""{first}', *(f"{indent}{line}".rstrip() for line in others), f'{indent}"""']


def _complete(text: str, node: Definition, bindings: Bindings) -> str:
    """Return a definition after the imports that it needs, if that is all it needs."""
    if bindings.has_star:
        raise NotAloneError("import *")
    for inner in ast.walk(node):
        if isinstance(inner, ast.Import | ast.ImportFrom) and not standing.is_standard(inner):
            raise NotAloneError("needs other packages")
    imports = bindings.imports_for(sorted(standing.free_names(text)))
    if bindings.lazy_annotations and _is_annotated(node):
        imports.insert(0, "from __future__ import annotations")
    program = "\n".join(imports) + f"\n\n\n{text}" if imports else text
    try:
        if checks.names(program):
            raise NotAloneError("needs its module")
    except CheckError as error:
        raise NotAloneError("cannot be analyzed") from error
    return program


def _is_annotated(node: Definition) -> bool:
    return any(
        isinstance(inner, ast.AnnAssign)
        or (isinstance(inner, ast.arg) and inner.annotation is not None)
        or (isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef) and inner.returns is not None)
        for inner in ast.walk(node)
    )
