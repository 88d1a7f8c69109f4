"""The checks ``syntax`` and ``names`` for many versions of a program: what did not change between
two versions is judged once. They give the same findings as the functions of these names."""

from __future__ import annotations

import functools

from ondevice.checks.python import names, syntax
from ondevice.checks.segments import segment_tree, split
from ondevice.events import Finding

_SEGMENTS = 512
"""How many segments of programs a check remembers; the least recently used are forgotten."""
_PROGRAMS = 32
"""How many programs that could only be judged as a whole."""


class IncrementalSyntax:
    """The check ``syntax``; it may be shared by threads."""

    __name__ = "syntax"

    def __init__(self) -> None:
        self._is_right = functools.lru_cache(_SEGMENTS)(_is_right)
        self._whole = functools.lru_cache(_PROGRAMS)(syntax)

    def __call__(self, text: str) -> list[Finding]:
        """Return the syntax error of a Python program, if it has one."""
        segments = split(text)
        if segments is not None and all(self._is_right(segment.text) for segment in segments):
            return []
        return list(self._whole(text))


class IncrementalNames:
    """The check ``names``; it may be shared by threads."""

    __name__ = "names"

    def __init__(self) -> None:
        from ondevice.checks import isolation

        self._join = isolation.join
        self._summarize = functools.lru_cache(_SEGMENTS)(isolation.summarize)
        self._whole = functools.lru_cache(_PROGRAMS)(names)

    def __call__(self, text: str) -> list[Finding]:
        """Return syntax errors, or else undefined and unbound names and misplaced statements."""
        segments = split(text)
        if segments is not None and "__all__" not in text:
            findings = self._join(segments, self._summarize)
            if findings is not None:
                return findings
        return list(self._whole(text))


def _is_right(text: str) -> bool:
    return segment_tree(text) is not None
