"""Which license a package states, and whether that is a permissive one.

A statement is read from the metadata fields License-Expression (SPDX), License and the Trove
classifiers, in this order (https://packaging.python.org/specifications/core-metadata). What cannot
be read, or contradicts itself, is not permissive.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import Message

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

PERMISSIVE = frozenset(
    {
        *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0"),
        *("CNRI-Python", "HPND", "ISC", "MIT", "MIT-0", "MIT-CMU", "NCSA", "PostgreSQL"),
        *("PSF-2.0", "Python-2.0", "Python-2.0.1", "Unlicense", "X11", "ZPL-2.1", "Zlib"),
    }
)
"""SPDX identifiers (https://spdx.org/licenses) of the licenses that are taken in."""

_CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "Boost Software License 1.0 (BSL-1.0)": "BSL-1.0",
    "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication": "CC0-1.0",
    "Historical Permission Notice and Disclaimer (HPND)": "HPND",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "Zope Public License": "ZPL-2.1",
    "zlib/libpng License": "Zlib",
}
# What authors write in the free field where an identifier should stand, without case and marks.
_NAMES = {
    "apache": "Apache-2.0",
    "apache 2": "Apache-2.0",
    "apache 2 0": "Apache-2.0",
    "apache license 2 0": "Apache-2.0",
    "apache license version 2 0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause",
    "bsd 2 clause": "BSD-2-Clause",
    "bsd 3 clause": "BSD-3-Clause",
    "bsd 3 clause license": "BSD-3-Clause",
    "3 clause bsd license": "BSD-3-Clause",
    "new bsd": "BSD-3-Clause",
    "new bsd license": "BSD-3-Clause",
    "modified bsd": "BSD-3-Clause",
    "isc": "ISC",
    "isc license": "ISC",
    "mit": "MIT",
    "mit license": "MIT",
    "the mit license": "MIT",
    "psf": "PSF-2.0",
    "psfl": "PSF-2.0",
    "python software foundation license": "PSF-2.0",
    "unlicense": "Unlicense",
    "zlib": "Zlib",
}


@dataclass(frozen=True, slots=True)
class License:
    """What a package states: an SPDX expression, and the field that it was read from.

    ``problem`` says why it is not to be taken in; nothing if it is permissive.
    """

    expression: str
    origin: str
    problem: str = ""


def read_license(metadata: Message) -> License:
    """Return what the metadata of a distribution (or a PKG-INFO file) states."""
    statements = []
    if text := _field(metadata, "License-Expression"):
        statements.append((_canonical(text) or text, "License-Expression"))
    if text := _field(metadata, "License"):
        name = " ".join(re.sub(r"[^a-z0-9]+", " ", text.lower()).split())
        if expression := _NAMES.get(name) or (_canonical(text) if len(text) < 80 else None):
            statements.append((expression, "License"))
    if expression := _classified(metadata.get_all("Classifier", [])):
        statements.append((expression, "Classifier"))
    if not statements:
        return License("", "", "no license that can be read")
    expression, origin = statements[0]
    if not is_permissive(expression):
        return License(expression, origin, f"not a permissive license: {expression}")
    for other, field in statements[1:]:
        if not is_permissive(other):
            return License(expression, origin, f"{origin} and {field} contradict each other")
    return License(expression, origin)


def stated(expression: str) -> License:
    """Return a license that somebody states, as ``read_license`` does."""
    canonical = _canonical(expression)
    if canonical is None:
        return License(expression, "stated", f"not an SPDX license expression: {expression!r}")
    if not is_permissive(canonical):
        return License(canonical, "stated", f"not a permissive license: {canonical}")
    return License(canonical, "stated")


def is_permissive(expression: str) -> bool:
    """Return whether one may take code under this SPDX expression in.

    Of ``A OR B`` one must be permissive, of ``A AND B`` both; an exception (``WITH``) only permits
    more.
    """
    tokens = re.findall(r"[()]|[^\s()]+", expression)
    try:
        result, rest = _either(tokens)
    except IndexError:
        return False
    return result and not rest


def _either(tokens: Sequence[str]) -> tuple[bool, Sequence[str]]:
    result, rest = _both(tokens)
    while rest and rest[0].upper() == "OR":
        other, rest = _both(rest[1:])
        result = result or other
    return result, rest


def _both(tokens: Sequence[str]) -> tuple[bool, Sequence[str]]:
    result, rest = _one(tokens)
    while rest and rest[0].upper() == "AND":
        other, rest = _one(rest[1:])
        result = result and other
    return result, rest


def _one(tokens: Sequence[str]) -> tuple[bool, Sequence[str]]:
    if tokens[0] == "(":
        result, rest = _either(tokens[1:])
        return (result, rest[1:]) if rest[0] == ")" else (False, rest)
    result, rest = tokens[0] in PERMISSIVE, tokens[1:]
    if rest and rest[0].upper() == "WITH":
        rest = rest[2:]
    return result, rest


def _canonical(text: str) -> str | None:
    try:
        return str(canonicalize_license_expression(text))
    except InvalidLicenseExpression:
        return None


def _field(metadata: Message, name: str) -> str:
    text = str(metadata.get(name) or "").strip()
    return "" if text.upper() == "UNKNOWN" else text


def _classified(classifiers: Sequence[str]) -> str | None:
    """Return the expression that all license classifiers together stand for."""
    found = set()
    for classifier in classifiers:
        parts = [part.strip() for part in str(classifier).split("::")]
        if parts[0] == "License" and parts[1:] != ["OSI Approved"]:
            found.add(_CLASSIFIERS.get(parts[-1], f"LicenseRef-{parts[-1].replace(' ', '-')}"))
    return " AND ".join(sorted(found)) or None
