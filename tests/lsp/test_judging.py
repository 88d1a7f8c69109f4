from __future__ import annotations

import pytest

from ondevice.checks import names
from ondevice.events import Finding
from ondevice.lsp.judging import DocumentCheck


def test_only_what_is_new_is_found() -> None:
    check = DocumentCheck([names], "print(a)\n")
    assert check("x = 1\nprint(a)\n") == []
    assert check("") == []
    assert check("print(a)\nprint(b)\n") == [Finding("names", 2, "undefined name 'b'")]
    assert check("print(a)\nprint(a)\n") == [Finding("names", 2, "undefined name 'a'")]


def test_the_document_is_judged() -> None:
    check = DocumentCheck([names], "x\n", "import os\n{}".format)
    assert check("os.sep\n") == []
    assert [finding.line for finding in check("re.X\n")] == [2]


@pytest.mark.parametrize("end", ["if a:\n", "while True:\n    if a:\n\n"])
def test_what_is_begun_has_to_be_gone_on_with(end: str) -> None:
    check = DocumentCheck([names], f"a = 1\n{end}", begun=True)
    assert check(f"a = 1\n{end}a = 2\n")


@pytest.mark.parametrize("above", ["def f(:\n    pass\na = 1\n", "try:\n    a = 1\n"])
def test_what_is_wrong_further_up_does_not_matter(above: str) -> None:
    assert DocumentCheck([names], above, begun=True)(f"{above}    b = 1\n") == []
