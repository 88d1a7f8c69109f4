"""Pieces of Lark grammars, made of what ``ondevice.edits`` writes and reads."""

from __future__ import annotations

import json
from collections.abc import Iterable

from ondevice.edits import Line
from ondevice.edits.buffer import LineEnd
from ondevice.edits.dialect import line_text


def quoted(text: str) -> str:
    """Return the literal that matches exactly this text."""
    return json.dumps(text)


def one_of(texts: Iterable[str]) -> str:
    """Return a terminal of texts without special characters of regular expressions.

    As one terminal, hundreds of them cost half the time that a rule of them takes.
    """
    return f"/{'|'.join(texts)}/"


def added_line(newline: LineEnd = "\n", *, ends_file: bool = False) -> str:
    """Return a terminal of one added line of any text that can stand in a buffer's line."""
    before, after = line_text(Line("+", "\0", newline=not ends_file), newline).split("\0")
    # Nothing at all, without a line break, is no line.
    text = r"/[^\n\r]+/" if ends_file else r"/[^\n\r]*/"
    return f"{quoted(before)} {text} {quoted(after)}"
