"""SPDX license expressions: which licenses are permissive, and whether an expression is."""

from __future__ import annotations

import re

from ondevice.errors import DependencyError

PERMISSIVE = frozenset(
    {
        *("0BSD", "Apache-2.0", "BlueOak-1.0.0", "BSD-1-Clause", "BSD-2-Clause"),
        *("BSD-2-Clause-Patent", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "CNRI-Python", "HPND"),
        *("ISC", "MIT", "MIT-0", "MIT-CMU", "NCSA", "PostgreSQL", "PSF-2.0", "Python-2.0"),
        *("Python-2.0.1", "Unlicense", "UPL-1.0", "X11", "Zlib", "ZPL-2.1"),
    }
)
"""SPDX identifiers of the licenses under which code is taken."""

_TOKEN = re.compile(r"[()]|[^\s()]+")


def canonical(text: str) -> str | None:
    """Return an SPDX expression in its canonical form, None for what is no expression.

    Raises ``DependencyError`` where packaging is not installed.
    """
    try:
        from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
    except ImportError as error:
        raise DependencyError(
            "reading licenses needs packaging 24.2 or newer: pip install 'ondevice[corpus]'"
        ) from error
    try:
        return str(canonicalize_license_expression(text.strip()))
    except (InvalidLicenseExpression, RecursionError, MemoryError, ValueError):
        return None


def objections(expression: str) -> tuple[str, ...]:
    """Return the identifiers that keep a canonical expression from being permissive.

    One alternative of an ``OR`` is enough, an ``AND`` needs both. An exception after ``WITH`` only
    permits more, so the license before it decides.
    """
    return _Reader(_TOKEN.findall(expression)).alternatives()


class _Reader:
    """Reads by descent; packaging has seen to the syntax."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._place = 0

    def alternatives(self) -> tuple[str, ...]:
        found = [self._all()]
        while self._next_is("OR"):
            found.append(self._all())
        return () if () in found else tuple(dict.fromkeys(sum(found, ())))

    def _all(self) -> tuple[str, ...]:
        found = self._one()
        while self._next_is("AND"):
            found += self._one()
        return found

    def _one(self) -> tuple[str, ...]:
        if self._next_is("("):
            inner = self.alternatives()
            self._next_is(")")
            return inner
        identifier = self._tokens[self._place]
        self._place += 1
        if self._next_is("WITH"):
            self._place += 1
        return () if identifier.removesuffix("+") in PERMISSIVE else (identifier,)

    def _next_is(self, word: str) -> bool:
        if self._place < len(self._tokens) and self._tokens[self._place] == word:
            self._place += 1
            return True
        return False
