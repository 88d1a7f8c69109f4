"""Checks of Python source in this process: does it parse, and is every name bound?"""

from __future__ import annotations

import ast
import contextlib
import re
import threading
import warnings
from collections.abc import Iterator

from ondevice.errors import CheckError
from ondevice.events import Finding

# What pyflakes reports is mostly style; these are the messages after which a program fails.
ERRORS = frozenset(
    {
        "BreakOutsideLoop",
        "ContinueOutsideLoop",
        "DefaultExceptNotLast",
        "DuplicateArgument",
        "ForwardAnnotationSyntaxError",
        "ReturnOutsideFunction",
        "TooManyExpressionsInStarredAssignment",
        "TwoStarredExpressions",
        "UndefinedExport",
        "UndefinedLocal",
        "UndefinedName",
        "YieldOutsideFunction",
    }
)
_one_at_a_time = threading.RLock()
_BLOCK_OPENER = re.compile(r"expected an indented block after .* on line (\d+)")
_TRY = re.compile(r"try\s*:")
_DECORATED = re.compile(r"\s*(@|def\b|class\b|async\b)")


def syntax(text: str) -> list[Finding]:
    """Return the syntax error of a Python program, if it has one."""
    tree = parsed(text)
    return [tree] if isinstance(tree, Finding) else []


def names(text: str) -> list[Finding]:
    """Return syntax errors, or else undefined and unbound names and misplaced statements.

    An import of a package that is not installed is no finding: the verdict does not depend on the
    machine. Raises ``CheckError`` for a program that is nested too deeply to be judged.
    """
    from pyflakes import checker

    tree = parsed(text)
    if isinstance(tree, Finding):
        return [tree]
    with quietly():
        try:
            # The default asks the environment whether to check doctests, too.
            messages = checker.Checker(tree, withDoctest=False).messages
        except RecursionError as error:
            raise CheckError("the program is nested too deeply to be checked") from error
        except Exception as error:
            raise CheckError(f"pyflakes crashed: {type(error).__name__}: {error}") from error
    return [
        Finding("names", message.lineno, message.message % message.message_args)
        for message in sorted(messages, key=lambda message: (message.lineno, message.col))
        if type(message).__name__ in ERRORS
    ]


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Keep what Python warns of in the checked program from this program's stderr.

    One thread at a time, as both the filters of warnings and the depth that Python 3.11 counts
    while it makes a tree belong to all threads.
    """
    with _one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def tree_of(text: str) -> ast.Module | None:
    """Return the syntax tree of a text, or None if it has none, for whatever reason."""
    try:
        with quietly():
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def parsed(text: str) -> ast.Module | Finding:
    """Return the syntax tree of a program, or the syntax error that it has.

    Raises ``CheckError`` for a program that is nested too deeply to be parsed.
    """
    try:
        with quietly():
            tree = ast.parse(text)
            # Only the compiler notices `return` outside a function and its like.
            compile(tree, "<buffer>", "exec", dont_inherit=True)
        return tree
    except SyntaxError as error:
        return Finding("syntax", _culprit(text, error), error.msg)
    except ValueError as error:
        return Finding("syntax", 1, str(error))
    except (RecursionError, MemoryError) as error:
        raise CheckError("the program is nested too deeply to be parsed") from error


def _culprit(text: str, error: SyntaxError) -> int:
    """Return the line to blame, from 1.

    Python reports what is missing (a block, an ``except``, what a decorator decorates) at the line
    where it noticed; the line that lacks it is the one that has to change.
    """
    lines = text.split("\n")
    line = min(max(error.lineno or 1, 1), len(lines))
    if opener := _BLOCK_OPENER.match(error.msg):
        return int(opener.group(1))
    if error.msg.startswith("expected 'except' or 'finally' block"):
        return _open_try(lines, line) or line
    if error.msg in ("invalid syntax", "unexpected unindent", "unexpected indent"):
        return _idle_decorator(lines, line) or line
    return line


def _open_try(lines: list[str], line: int) -> int | None:
    """Return the last ``try:`` before ``line`` that nothing at its depth or above follows."""
    lowest: int | None = None
    for number in range(line - 1, 0, -1):
        text = lines[number - 1].expandtabs()
        stripped = text.lstrip()
        if not stripped or stripped.startswith("#"):
            continue
        depth = len(text) - len(stripped)
        if lowest is None or depth < lowest:
            if _TRY.match(stripped):
                return number
            lowest = depth
    return None


def _idle_decorator(lines: list[str], line: int) -> int | None:
    """Return the decorator right before ``line`` if what stands there cannot be decorated."""
    if _DECORATED.match(lines[line - 1]):
        return None
    for number in range(line - 1, 0, -1):
        stripped = lines[number - 1].strip()
        if stripped and not stripped.startswith("#"):
            return number if stripped.startswith("@") else None
    return None
