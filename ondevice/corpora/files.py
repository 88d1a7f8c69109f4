"""From a file to the text of a program that is worth learning from, or the reason why it is not."""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ondevice import checks
from ondevice.errors import CheckError

_VENDORED = frozenset(
    {"_vendor", "_vendored", "_vendored_packages", "vendor", "vendored", "third_party"}
    | {"thirdparty", "extern", "_extern", "externals", "_distutils"}
)
_TESTS = frozenset({"test", "tests", "testing", "_tests", "conftest.py"})
_GENERATED = re.compile(
    r"auto-?generated|generated (by|from|automatically)|do not edit|@generated", re.IGNORECASE
)
_HEAD = 30
"""Lines in which a generated file says so."""
_LONGEST_LINE = 1000
_MEAN_LINE = 100
_CONSTANTS = 200
_SHARE_OF_CONSTANTS = 0.4
_STATEMENTS = 3


class UnfitError(Exception):
    """A file that is left out, with a short reason to count it by."""


@dataclass(frozen=True, slots=True)
class Program:
    """The text of a file, its line ends ``\\n``, and its syntax tree."""

    text: str
    tree: ast.Module


def check_path(path: str, *, tests: bool) -> None:
    """Refuse a file by where it stands: copies of other projects, and tests unless wanted.

    Raises ``UnfitError``.
    """
    parts = PurePosixPath(path).parts
    if _VENDORED & set(parts[:-1]):
        raise UnfitError("copied from another project")
    name = parts[-1]
    is_test = bool(_TESTS & set(parts)) or name.startswith("test_") or name.endswith("_test.py")
    if is_test and not tests:
        raise UnfitError("test")


def read_program(path: Path, max_size: int) -> Program:
    """Read a file of at most ``max_size`` bytes; raises ``UnfitError`` for what is left out."""
    try:
        content = path.read_bytes() if path.stat().st_size <= max_size else None
    except OSError as error:
        raise UnfitError("cannot be read") from error
    if content is None:
        raise UnfitError("too large")
    text = _decoded(content)
    _check_look(text)
    try:
        if checks.syntax(text):
            raise UnfitError("does not parse")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (CheckError, RecursionError, MemoryError) as error:
        raise UnfitError("nested too deeply") from error
    _check_tree(tree)
    return Program(text, tree)


def _decoded(content: bytes) -> str:
    """Decode as Python does (PEP 263), and give all lines the same end."""
    if b"\0" in content:
        raise UnfitError("holds a NUL byte")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        text = content.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        raise UnfitError("cannot be decoded") from error
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _check_look(text: str) -> None:
    lines = text.split("\n")
    if any(len(line) > _LONGEST_LINE for line in lines):
        raise UnfitError("has a very long line")
    if len(text) > _MEAN_LINE * len(lines):
        raise UnfitError("has long lines on average")
    comments = [line for line in lines[:_HEAD] if line.lstrip().startswith(("#", '"""'))]
    if any(_GENERATED.search(line) for line in comments):
        raise UnfitError("generated")


def _check_tree(tree: ast.Module) -> None:
    nodes = constants = statements = 0
    for node in ast.walk(tree):
        nodes += 1
        constants += isinstance(node, ast.Constant)
        statements += isinstance(node, ast.stmt)
    if statements < _STATEMENTS:
        raise UnfitError("has hardly a statement")
    if constants > _CONSTANTS and constants > _SHARE_OF_CONSTANTS * nodes:
        raise UnfitError("a table of data")
