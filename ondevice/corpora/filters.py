"""Which files are worth learning from; the others are left out, each for a reason that counts."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ondevice import checks
from ondevice.corpora import license_texts
from ondevice.corpora.licenses import stated
from ondevice.errors import CheckError
from ondevice.events import Finding

REASONS = {
    "vendored": "a copy of another project, under a license of its own",
    "test": "a test",
    "unreadable": "cannot be read",
    "large": "larger than the limit",
    "encoding": "cannot be decoded as it declares (PEP 263)",
    "nul": "holds a NUL",
    "long lines": "a line of more than 1,000 characters, or more than 100 on average",
    "generated": "made by a program, as it says itself",
    "syntax": "does not compile",
    "deep": "nested too deeply",
    "data": "mostly literals",
    "small": "fewer than three statements",
    "license": "states a license of its own that is not permissive, or not known",
}
"""The reasons, and what they mean."""

_VENDORED = frozenset(
    {"_vendor", "_vendored", "_vendored_packages", "vendor", "vendored", "third_party"}
    | {"thirdparty", "_thirdparty", "_third_party", "3rdparty", "thirdparty_files"}
    | {"extern", "_extern", "externals", "_external", "_bundled", "bundled"}
)
_TESTS = frozenset({"test", "tests", "testing", "_tests", "_testing", "testsuite", "test_suite"})
_TEST_FILE = re.compile(r"(test_.*|.*_tests?|tests?|conftest)\.py")
_GENERATED = re.compile(
    r"\bauto-?generated\b|\b(automatically|machine) generated\b|@generated\b"
    r"|\b(file|module|code|script) (is |was |has been )?(\w+ly )?generated\b"
    r"|^\W*generated (by|from|with|using|automatically)\b"
    r"|\bdo not (edit|modify|change)\b.{0,30}(file|manually|by hand|$)",
    re.IGNORECASE,
)
_MADE = re.compile(
    r"^_tabversion\s*=|^_lr_action_items\s*=|\bAddSerializedFile\(|\bserializedATN\(", re.MULTILINE
)
_HEAD = 40
"""Lines in which a file says that it was generated, or what license it is under."""
_LONGEST_LINE = 1000
_MEAN_LINE = 100
_FEWEST_STATEMENTS = 3
_FEWEST_CONSTANTS, _SHARE_OF_LEAVES = 80, 0.7
_FEWEST_CHARACTERS, _SHARE_OF_CHARACTERS = 3000, 0.6


class UnfitError(Exception):
    """A file that is left out; ``reason`` is one of ``REASONS``."""

    def __init__(self, reason: str) -> None:
        super().__init__(REASONS[reason])
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Program:
    """A file as text, its lines ended by ``\\n``, and its syntax tree.

    ``license`` is what its head declares for it alone, nothing where it declares none.
    """

    text: str
    tree: ast.Module
    license: str = ""


def check_path(path: str, *, tests: bool) -> None:
    """Raise ``UnfitError`` for where a file stands: vendored, or a test where none is wanted."""
    parts = PurePosixPath(path).parts
    if _VENDORED & {part.lower() for part in parts[:-1]}:
        raise UnfitError("vendored")
    if not tests and (_TESTS & set(parts[:-1]) or _TEST_FILE.fullmatch(parts[-1])):
        raise UnfitError("test")


def read_program(path: Path, max_size: int) -> Program:
    """Read a file of at most ``max_size`` bytes; raises ``UnfitError`` for what is left out."""
    try:
        with path.open("rb") as file:
            content = file.read(max_size + 1)
    except OSError as error:
        raise UnfitError("unreadable") from error
    if len(content) > max_size:
        raise UnfitError("large")
    text = _decoded(content)
    lines = text.split("\n")
    if max(map(len, lines)) > _LONGEST_LINE or len(text) > _MEAN_LINE * len(lines):
        raise UnfitError("long lines")
    head = lines[:_HEAD]
    if any(_GENERATED.search(line) for line in _remarks(head)) or _MADE.search(text):
        raise UnfitError("generated")
    license = _own_license("\n".join(head))
    tree = _parsed(text)
    _check_tree(tree, text)
    return Program(text, tree, license)


def _decoded(content: bytes) -> str:
    """Decode as Python does, and give all lines the same end."""
    if b"\0" in content:
        raise UnfitError("nul")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        text = content.decode(encoding)
        text.encode()  # some codecs make what UTF-8 cannot hold
    except (SyntaxError, UnicodeError, LookupError, ValueError) as error:
        raise UnfitError("encoding") from error
    if "\0" in text:
        raise UnfitError("nul")
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _remarks(head: list[str]) -> list[str]:
    """Return the comments and the first lines of the docstring in the head of a file."""
    remarks = [line.lstrip()[1:] for line in head if line.lstrip().startswith("#")]
    code = [line for line in head if line.strip() and not line.lstrip().startswith("#")]
    if code and code[0].lstrip("rRuU").startswith(('"""', "'''", '"', "'")):
        remarks += code[:3]
    return remarks


def _own_license(head: str) -> str:
    declared = license_texts.declared(head)
    if declared is None:
        if license_texts.foreign(head):
            raise UnfitError("license")
        return ""
    license = stated(declared, "SPDX-License-Identifier")
    if license.problem:
        raise UnfitError("license")
    return license.expression


def _parsed(text: str) -> ast.Module:
    try:
        tree = checks.parsed(text)
    except CheckError as error:
        raise UnfitError("deep") from error
    if isinstance(tree, Finding):
        raise UnfitError("syntax")
    return tree


def _check_tree(tree: ast.Module, text: str) -> None:
    """Refuse a file with hardly a statement, and one that is a table of data."""
    statements = leaves = constants = characters = 0
    documentation = 0
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            statements += 1
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                documentation += _length(node.value.value)
                statements -= 1
        elif isinstance(node, ast.Constant):
            leaves += 1
            constants += 1
            characters += _length(node.value)
        elif isinstance(node, ast.Name | ast.Attribute | ast.arg | ast.keyword | ast.alias):
            leaves += 1
    if statements < _FEWEST_STATEMENTS:
        raise UnfitError("small")
    # Docstrings were met among the constants, too.
    characters -= documentation
    if constants >= _FEWEST_CONSTANTS and constants > _SHARE_OF_LEAVES * leaves:
        raise UnfitError("data")
    rest = max(1, len(text) - documentation)
    if characters >= _FEWEST_CHARACTERS and characters > _SHARE_OF_CHARACTERS * rest:
        raise UnfitError("data")


def _length(value: object) -> int:
    if isinstance(value, str | bytes):
        return len(value)
    return value.bit_length() // 4 + 1 if isinstance(value, int) else 4
