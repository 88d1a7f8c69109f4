"""Which license a package is under, and whether its code may be taken.

Read are, in this order, the metadata's License-Expression, its License, its Trove classifiers, and
the texts of its license files. What is unclear, or contradicts itself, is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ondevice.corpora.license_texts import recognize
from ondevice.corpora.spdx import canonical, objections

# What authors write where an identifier should stand; "" is what leaves the version open, so that
# the text of the license has to tell.
_NAMES = {
    "apache": "",
    "apache 2": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache license": "",
    "apache license 2.0": "Apache-2.0",
    "apache license version 2.0": "Apache-2.0",
    "apache software license": "",
    "apache software license 2.0": "Apache-2.0",
    "apache 2.0 license": "Apache-2.0",
    "apachev2": "Apache-2.0",
    "boost software license 1.0": "BSL-1.0",
    "bsd": "",
    "bsd license": "",
    "bsd-like": "",
    "2-clause bsd": "BSD-2-Clause",
    "2-clause bsd license": "BSD-2-Clause",
    "bsd 2-clause": "BSD-2-Clause",
    "bsd 2-clause license": "BSD-2-Clause",
    "simplified bsd": "BSD-2-Clause",
    "3-clause bsd": "BSD-3-Clause",
    "3-clause bsd license": "BSD-3-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "bsd-3-clause license": "BSD-3-Clause",
    "bsd (3-clause)": "BSD-3-Clause",
    "modified bsd": "BSD-3-Clause",
    "modified bsd license": "BSD-3-Clause",
    "new bsd": "BSD-3-Clause",
    "new bsd license": "BSD-3-Clause",
    "expat": "MIT",
    "expat license": "MIT",
    "isc license": "ISC",
    "mit license": "MIT",
    "mit licence": "MIT",
    "psf": "PSF-2.0",
    "psf license": "PSF-2.0",
    "psfl": "PSF-2.0",
    "python software foundation license": "PSF-2.0",
    "public domain (unlicense)": "Unlicense",
    "zlib license": "Zlib",
}
_CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "",
    "Blue Oak Model License (BlueOak-1.0.0)": "BlueOak-1.0.0",
    "Boost Software License 1.0 (BSL-1.0)": "BSL-1.0",
    "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication": "CC0-1.0",
    "Historical Permission Notice and Disclaimer (HPND)": "HPND",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Python License (CNRI Python License)": "CNRI-Python",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "Universal Permissive License (UPL)": "UPL-1.0",
    "University of Illinois/NCSA Open Source License": "NCSA",
    "Zope Public License": "ZPL-2.1",
    "zlib/libpng License": "Zlib",
}
_LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class License:
    """An SPDX expression, and where it was read; ``problem`` says why its code is not taken."""

    expression: str
    origin: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Statements:
    """What a package says about its license; ``texts`` are its license files, by their names."""

    expression: str = ""
    license: str = ""
    classifiers: tuple[str, ...] = ()
    texts: tuple[tuple[str, str], ...] = ()


def judge(statements: Statements) -> License:
    """Return the license that a package is under; raises ``DependencyError`` as ``canonical``."""
    if statements.expression:
        return stated(statements.expression, "License-Expression")
    found, vague = _by_classifiers(statements.classifiers)
    bad = [name for name in found if objections(name)]
    text = " ".join(statements.license.split())
    if text and text.upper() != "UNKNOWN":
        name = _by_name(statements.license)
        if name and bad and not objections(name):
            return License(name, "License", f"License says {name}, a classifier {bad[0]}")
        if name:
            return stated(name, "License")
        if name is None and len(text) > _LONGEST_NAME:
            if known := recognize(statements.license):
                return stated(" AND ".join(known), "text in License")
        elif name is None:
            return License("", "License", f"no SPDX license: {text!r}")
    if bad:
        return License(" AND ".join(found), "Classifier", f"not permissive: {', '.join(bad)}")
    if found and not vague:
        return stated(" AND ".join(found), "Classifier")
    return by_texts(statements.texts)


def stated(expression: str, origin: str) -> License:
    """Return a license that somebody states as an SPDX expression."""
    spdx = canonical(expression)
    if spdx is None:
        return License("", origin, f"no SPDX license: {' '.join(expression.split())[:200]!r}")
    if bad := objections(spdx):
        return License(spdx, origin, f"not permissive: {', '.join(bad)}")
    return License(spdx, origin)


def by_texts(texts: Sequence[tuple[str, str]]) -> License:
    """Return the license that the texts of license files amount to, all of them together."""
    known = {name: recognize(text) for name, text in texts}
    names = sorted(name for name, found in known.items() if found)
    if not names:
        return License("", "", "no license that can be recognized")
    return stated(" AND ".join(sorted({one for name in names for one in known[name]})), names[0])


def _by_name(text: str) -> str | None:
    """Return what a License field says: an expression, "" for one left open, None if unknown."""
    if len(text) > _LONGEST_NAME:
        return None
    name = re.sub(r"[\s,_]+", " ", text.lower()).strip(" .")
    name = name.removeprefix("the ").replace("version ", "version ")
    if name in _NAMES:
        return _NAMES[name]
    return canonical(text)


def _by_classifiers(classifiers: Iterable[str]) -> tuple[list[str], bool]:
    """Return the licenses that classifiers name, and whether one of them leaves its kind open."""
    found, vague = set(), False
    for classifier in classifiers:
        parts = [part.strip() for part in classifier.split("::")]
        if parts[0] != "License" or parts[-1] in ("OSI Approved", "DFSG approved", "License"):
            continue
        name = _CLASSIFIERS.get(parts[-1])
        if name == "":
            vague = True
        else:
            found.add(name or f"LicenseRef-{re.sub(r'[^A-Za-z0-9.]+', '-', parts[-1]).strip('-')}")
    return sorted(found), vague
