from __future__ import annotations

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
