"""The texts of licenses, known by phrases that stand in them and in no other."""

from __future__ import annotations

import re

_FOREIGN = {
    "LicenseRef-GNU": re.compile(
        r"gnu (lesser |affero |library )?general public license,? (version|v\.?) ?\d"
        r"|(under|of) the (terms of the )?gnu (lesser |affero |library )?general public"
    ),
    "LicenseRef-MPL": re.compile(r"mozilla public license"),
    "LicenseRef-EPL": re.compile(r"eclipse public license"),
    "LicenseRef-CDDL": re.compile(r"common development and distribution license"),
    "LicenseRef-EUPL": re.compile(r"european union public licence"),
    "LicenseRef-CC": re.compile(r"creative commons attribution"),
    "LicenseRef-CommonsClause": re.compile(r"commons clause"),
    "LicenseRef-BUSL": re.compile(r"business source license"),
    "JSON": re.compile(r"shall be used for good, not evil"),
    "LicenseRef-Noncommercial": re.compile(r"non-?commercial (use|purposes) only"),
    "BSD-4-Clause": re.compile(r"all advertising materials mentioning features"),
}
_MIT = "permission is hereby granted, free of charge, to any person obtaining a copy"
_MIT_NOTICE = re.compile(r"shall be (included|preserved) in all copies")
_BSD = "redistribution and use in source and binary forms"
_BSD_CONDITION = "redistributions of source code must retain"
_BSD_NAMES = re.compile(
    r"neither the names? |names? of .{0,200}may not be used to endorse|endorse or"
)
_ISC = re.compile(
    r"permission to use, copy, modify, (and/or|and) distribute this software for any purpose "
    r"with or without fee is hereby granted(?P<notice>, provided)?"
)
_PLAIN = {
    "Apache-2.0": re.compile(
        r"apache license,? version 2\.0,? january 2004|licensed under the apache license, version 2"
    ),
    "PSF-2.0": re.compile(r"psf license agreement|python software foundation license version 2"),
    "Unlicense": re.compile(r"free and unencumbered software released into the public domain"),
    "BSL-1.0": re.compile(r"boost software license - version 1\.0"),
    "CC0-1.0": re.compile(r"cc0 1\.0 universal"),
    "Zlib": re.compile(r"altered source versions must be plainly marked"),
}


def recognize(text: str) -> tuple[str, ...]:
    """Return the SPDX identifiers of the licenses that a text holds; none if it is not known.

    What is not permissive may go by a ``LicenseRef-`` of its family.
    """
    words = " ".join(re.sub(r"^[\s#*/>]+", " ", text, flags=re.MULTILINE).lower().split())
    found = {name for name, phrase in (_FOREIGN | _PLAIN).items() if phrase.search(words)}
    if _MIT in words:
        found.add("MIT" if _MIT_NOTICE.search(words) else "MIT-0")
    if _BSD in words and _BSD_CONDITION in words:
        found.add("BSD-3-Clause" if _BSD_NAMES.search(words) else "BSD-2-Clause")
    if isc := _ISC.search(words):
        found.add("ISC" if isc["notice"] else "0BSD")
    return tuple(sorted(found))


_IDENTIFIER = re.compile(r"SPDX-License-Identifier:[ \t]*([^\n]+?)[ \t]*(?:\*/|-->)?[ \t]*$", re.M)


def declared(head: str) -> str | None:
    """Return the SPDX expression that the head of a source file declares for it."""
    found = _IDENTIFIER.search(head)
    return found[1] if found else None


def foreign(head: str) -> bool:
    """Return whether the head of a source file puts it under a license that is not permissive."""
    words = " ".join(re.sub(r"^[\s#]+", " ", head, flags=re.MULTILINE).lower().split())
    return any(phrase.search(words) for phrase in _FOREIGN.values())
