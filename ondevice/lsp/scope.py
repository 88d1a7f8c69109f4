"""Which part of a document is edited, and what is asked for it: comments ``# ondevice: REQUEST``
and selections."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

_REQUEST = re.compile(r"(?P<code>[^\n]*?)(?:#|//)[ \t]*ondevice:[ \t]*(?P<request>\S[^\r\n]*)")


@dataclass(frozen=True, slots=True)
class RequestComment:
    """A comment that asks for an edit; ``start`` and ``end`` are the offsets of what goes with it:
    its line, or where code stands before it, the rest of the line."""

    request: str
    start: int
    end: int


def request_comments(text: str, start: int, end: int) -> Iterator[RequestComment]:
    """Yield the comments on the lines that the offsets ``start`` to ``end`` touch."""
    start, end = _whole_lines(text, start, end)
    while start < end:
        next_line = _line_end(text, start)
        if match := _REQUEST.match(text, start, next_line):
            code = match["code"].rstrip()
            request = match["request"].rstrip()
            if code:
                yield RequestComment(request, start + len(code), match.end())
            else:
                yield RequestComment(request, start, next_line)
        start = next_line


@dataclass(frozen=True, slots=True)
class Scope:
    """A part of a document that a model is given as a program of its own.

    ``original`` are its lines as they stand between ``before`` and ``after``; each begins with
    ``indent``, which ``source``, what the model is given, is without.
    """

    before: str
    original: str
    after: str
    indent: str

    @property
    def source(self) -> str:
        """The program."""
        return "".join(self._outdented())

    def document(self, program: str) -> str:
        """Return the document with ``program`` in place of the source."""
        if not self.indent:
            return self.before + program + self.after
        lines, original, parts = _lines(program), _lines(self.original), [self.before]
        matcher = SequenceMatcher(None, self._outdented(), lines, autojunk=False)
        for tag, i1, i2, j1, j2 in matcher.get_opcodes():
            if tag == "equal":
                parts += original[i1:i2]
            else:
                parts += (self.indent + line if line.strip() else line for line in lines[j1:j2])
        return "".join([*parts, self.after])

    def _outdented(self) -> list[str]:
        return [
            line.removeprefix(self.indent) if line.strip() else line.lstrip(" \t")
            for line in _lines(self.original)
        ]


def scope(text: str, selection: tuple[int, int] | None, comment: RequestComment | None) -> Scope:
    """Return what is edited: the selected lines, or all where nothing (else) is selected.

    ``selection`` are offsets. The comment is left out of the program and of the document.
    """
    start, end = _whole_lines(text, *selection) if selection else (0, len(text))
    if comment:
        text = text[: comment.start] + text[comment.end :]
        cut = comment.end - comment.start
        start = start if start <= comment.start else start - cut
        end = end if end <= comment.start else end - cut
    if not text[start:end].strip():
        start, end = 0, len(text)
    part = text[start:end]
    if (start, end) == (0, len(text)):
        # Some editors give an empty file a line; a model is to begin at the beginning.
        return Scope("", text if text.strip("\n") else "", "", "")
    lines = [line for line in _lines(part) if line.strip()]
    common = os.path.commonprefix(lines)  # noqa: RUF071 (these are no paths)
    indent = common[: len(common) - len(common.lstrip(" \t"))]
    return Scope(text[:start], part, text[end:], indent)


def _lines(text: str) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _whole_lines(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the offsets of the whole lines that two offsets touch; a line at whose very beginning
    a selection ends is not part of it."""
    start = text.rfind("\n", 0, start) + 1
    return start, end if start < end and text[end - 1] == "\n" else _line_end(text, end)


def _line_end(text: str, offset: int) -> int:
    return text.find("\n", offset) + 1 or len(text)
