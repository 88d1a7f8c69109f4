from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondevice.corpora.licenses import Statements, judge, stated
from ondevice.corpora.spdx import PERMISSIVE, objections
from tests.corpora.conftest import TEXT_OF_BSD, TEXT_OF_GPL, TEXT_OF_MIT

BSD = "License :: OSI Approved :: BSD License"
GPL = "License :: OSI Approved :: GNU General Public License v3 (GPLv3)"
MIT = "License :: OSI Approved :: MIT License"


@pytest.mark.parametrize(
    ("expression", "bad"),
    [
        ("MIT", ()),
        ("GPL-3.0-only", ("GPL-3.0-only",)),
        ("GPL-3.0-only OR MIT", ()),
        ("MIT AND MPL-2.0", ("MPL-2.0",)),
        ("MIT AND MPL-2.0 OR Apache-2.0", ()),
        ("MIT AND (MPL-2.0 OR Apache-2.0)", ()),
        ("(MIT AND MPL-2.0) OR GPL-2.0-only", ("MPL-2.0", "GPL-2.0-only")),
        ("Apache-2.0 WITH LLVM-exception", ()),
        ("GPL-2.0-only WITH Classpath-exception-2.0", ("GPL-2.0-only",)),
        ("Apache-2.0+", ()),
        ("LicenseRef-Mine OR ISC", ()),
        ("LicenseRef-MIT", ("LicenseRef-MIT",)),
    ],
)
def test_expressions(expression: str, bad: tuple[str, ...]) -> None:
    assert objections(expression) == bad


_IDENTIFIERS = st.sampled_from(["MIT", "ISC", "GPL-3.0-only", "MPL-2.0"])
_TREES = st.recursive(
    _IDENTIFIERS,
    lambda inner: st.tuples(inner, st.sampled_from(["AND", "OR"]), inner),
    max_leaves=12,
)


@given(_TREES)
def test_expressions_are_read_as_they_are_nested(tree: object) -> None:
    def text(node: object) -> str:
        return f"({text(node[0])} {node[1]} {text(node[2])})" if isinstance(node, tuple) else node  # type: ignore[return-value]

    def truth(node: object) -> bool:
        if isinstance(node, tuple):
            return (all if node[1] == "AND" else any)((truth(node[0]), truth(node[2])))
        return node in PERMISSIVE

    license = stated(text(tree), "here")
    assert (not license.problem) == truth(tree)


@pytest.mark.parametrize(
    ("statements", "expression", "origin"),
    [
        (Statements(expression="mit or apache-2.0"), "MIT OR Apache-2.0", "License-Expression"),
        (Statements(license="BSD-3-Clause"), "BSD-3-Clause", "License"),
        (Statements(license="The MIT License"), "MIT", "License"),
        (Statements(license="Apache License, Version 2.0"), "Apache-2.0", "License"),
        (Statements(license="UNKNOWN", classifiers=(MIT,)), "MIT", "Classifier"),
        (Statements(license=TEXT_OF_MIT), "MIT", "text in License"),
        (Statements(license="BSD", texts=(("LICENSE", TEXT_OF_BSD),)), "BSD-3-Clause", "LICENSE"),
        (
            Statements(classifiers=(BSD,), texts=(("COPYING", TEXT_OF_BSD),)),
            "BSD-3-Clause",
            "COPYING",
        ),
        (Statements(texts=(("LICENSE", TEXT_OF_MIT),)), "MIT", "LICENSE"),
        # A field of the newest kind is what counts, whatever an old classifier still says.
        (Statements(expression="MIT", classifiers=(GPL,)), "MIT", "License-Expression"),
    ],
)
def test_what_is_taken(statements: Statements, expression: str, origin: str) -> None:
    license = judge(statements)
    assert (license.expression, license.origin, license.problem) == (expression, origin, "")


@pytest.mark.parametrize(
    "statements",
    [
        Statements(),
        Statements(expression="Free for friends"),
        Statements(expression="LGPL-2.1-or-later"),
        Statements(license="Proprietary"),
        Statements(license="MPL-2.0 AND MIT"),
        Statements(license="BSD"),  # of which kind?
        Statements(classifiers=(BSD,)),
        Statements(classifiers=(GPL,)),
        Statements(classifiers=(MIT, GPL)),
        Statements(license="MIT", classifiers=(GPL,)),
        Statements(classifiers=("License :: Other/Proprietary License",)),
        Statements(texts=(("LICENSE", TEXT_OF_GPL),)),
        Statements(texts=(("LICENSE", TEXT_OF_MIT), ("LICENSE.lib", TEXT_OF_GPL))),
        Statements(license="BSD", texts=(("LICENSE", "All rights reserved."),)),
        Statements(license=TEXT_OF_MIT + "The Software shall be used for Good, not Evil.\n"),
        Statements(
            texts=(("LICENSE", TEXT_OF_BSD + "All advertising materials mentioning features"),)
        ),
    ],
)
def test_what_is_left_out(statements: Statements) -> None:
    assert judge(statements).problem


@given(st.text(max_size=300), st.text(max_size=300), st.lists(st.text(max_size=60), max_size=4))
def test_nothing_crashes(expression: str, license: str, classifiers: list[str]) -> None:
    judge(Statements(expression, license, tuple(classifiers)))
    judge(Statements("", license, tuple(classifiers), (("LICENSE", license),)))
