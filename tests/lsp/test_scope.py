from __future__ import annotations

import pytest

from ondevice.lsp.scope import RequestComment, request_comments, scope

CLASS = "import os\n\nclass C:\n    def f(a):\n        return a\n\n    def g(a):\n        pass\n"


def only(text: str) -> RequestComment:
    (comment,) = request_comments(text, 0, len(text))
    return comment


@pytest.mark.parametrize(
    ("text", "request_text", "left"),
    [
        ("# ondevice: add one\nx = 1\n", "add one", "x = 1\n"),
        ("x = 1  # ondevice: add one\ny\n", "add one", "x = 1\ny\n"),
        ("    #ondevice:add one  \r\ny\r\n", "add one", "y\r\n"),
        ("x  # ondevice: add one\r\n", "add one", "x\r\n"),
        ("let x  // ondevice: add one", "add one", "let x"),
        ("# ondevice: a # b", "a # b", ""),
    ],
)
def test_a_comment_is_no_part_of_the_program(text: str, request_text: str, left: str) -> None:
    comment = only(text)
    assert comment.request == request_text
    part = scope(text, None, comment)
    assert part.source == part.document(part.source) == left


@pytest.mark.parametrize("text", ["", "ondevice: x", "# ondevice:", "# ondevice:  \n", "# on: x"])
def test_what_is_no_request(text: str) -> None:
    assert list(request_comments(text, 0, len(text))) == []


def test_the_lines_that_are_looked_at() -> None:
    text = "# ondevice: a\n# ondevice: b\n# ondevice: c\n"

    def found(start: int, end: int) -> str:
        return "".join(comment.request for comment in request_comments(text, start, end))

    assert found(0, 0) == "a"
    assert found(20, 20) == "b"
    assert found(13, 13) == "a"
    assert found(0, 14) == "a", "the second line is not selected"
    assert found(0, 15) == "ab"
    assert found(len(text), len(text)) == ""


def test_a_selection_is_outdented() -> None:
    start, end = CLASS.index("def f"), CLASS.index("return a")
    part = scope(CLASS, (start, end), None)
    assert part.source == "def f(a):\n    return a\n"
    made = part.document("def f(a):\n    a += 1\n\n    return a\n")
    assert made == CLASS.replace("        return", "        a += 1\n\n        return")
    assert part.document(part.source) == CLASS


def test_the_comment_in_a_selection() -> None:
    text = CLASS.replace("    def f", "    # ondevice: add\n    def f")
    for start in (text.index("    # on"), text.index("    def f")):
        part = scope(text, (start, text.index("\n\n    def g") + 1), only(text))
        assert part.source == "def f(a):\n    return a\n"
        assert part.document(part.source) == CLASS


def test_blank_lines_keep_their_blanks() -> None:
    text = "x\n  a\n \n  b\ny\n"
    part = scope(text, (2, 10), None)
    assert part.source == "a\n\nb\n"
    assert part.document("a\n\nb\nc\n") == "x\n  a\n \n  b\n  c\ny\n"


def test_with_nothing_else_selected_the_document_is_meant() -> None:
    text = "# ondevice: add\nx = 1\n"
    assert scope(text, (0, 15), only(text)).source == "x = 1\n"
    assert scope("", None, None).source == scope("\n", None, None).source == ""
    assert scope("\n", None, None).document("x = 1\n") == "x = 1\n"
    assert scope("a\n\nb\n", (2, 3), None).source == "a\n\nb\n"
