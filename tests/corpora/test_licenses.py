from __future__ import annotations

import email

import pytest

from ondevice.corpora.licenses import is_permissive, read_license, stated


@pytest.mark.parametrize(
    ("expression", "permissive"),
    [
        ("MIT", True),
        ("GPL-3.0-only", False),
        ("MIT OR GPL-3.0-only", True),
        ("GPL-3.0-only OR MIT", True),
        ("MIT AND GPL-3.0-only", False),
        ("MIT AND (GPL-2.0-only OR BSD-3-Clause)", True),
        ("MIT OR GPL-2.0-only AND LGPL-2.1-only", True),
        ("(MIT OR GPL-2.0-only) AND LGPL-2.1-only", False),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("GPL-2.0-only WITH Classpath-exception-2.0", False),
        ("", False),
        ("(MIT", False),
        ("MIT)", False),
        ("MIT OR", False),
        ("LicenseRef-Proprietary", False),
    ],
)
def test_expressions(expression: str, permissive: bool) -> None:
    assert is_permissive(expression) is permissive


@pytest.mark.parametrize(
    ("metadata", "expression", "origin"),
    [
        ("License-Expression: mit", "MIT", "License-Expression"),
        ("License: Apache License, Version 2.0", "Apache-2.0", "License"),
        ("License: BSD-2-Clause", "BSD-2-Clause", "License"),
        ("Classifier: License :: OSI Approved :: ISC License (ISCL)", "ISC", "Classifier"),
        (
            "License: UNKNOWN\nClassifier: License :: OSI Approved :: MIT License",
            "MIT",
            "Classifier",
        ),
        ("License: MIT\nClassifier: License :: OSI Approved", "MIT", "License"),
    ],
)
def test_permissive_metadata(metadata: str, expression: str, origin: str) -> None:
    license = read_license(email.message_from_string(metadata))
    assert (license.expression, license.origin, license.problem) == (expression, origin, "")


@pytest.mark.parametrize(
    ("metadata", "problem"),
    [
        ("Name: x", "no license that can be read"),
        ("License: see the file", "no license that can be read"),
        ("License: GPL-3.0-or-later", "not a permissive license"),
        ("Classifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)", "GNU"),
        (
            "License: MIT\nClassifier: License :: Other/Proprietary License",
            "License and Classifier contradict each other",
        ),
        (
            "Classifier: License :: OSI Approved :: MIT License\n"
            "Classifier: License :: OSI Approved :: GNU General Public License (GPL)",
            "not a permissive license",
        ),
    ],
)
def test_other_metadata(metadata: str, problem: str) -> None:
    assert problem in read_license(email.message_from_string(metadata)).problem


def test_what_is_stated_must_be_an_expression() -> None:
    assert stated("bsd-3-clause").expression == "BSD-3-Clause"
    assert "not an SPDX license expression" in stated("do what you like").problem
    assert "not a permissive license" in stated("AGPL-3.0-only").problem
