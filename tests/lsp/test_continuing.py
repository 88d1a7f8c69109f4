from __future__ import annotations

import pytest

from ondevice.lsp.continuing import Continuation, Place, instruction


@pytest.mark.parametrize(
    ("before", "after", "place"),
    [
        ("a\nb", "", Place("a\n", "b")),
        ("a\nb", " \t\r\nc", Place("a\n", "b")),
        ("", "", Place("", "")),
        ("a\r\n", "\r\n", Place("a\r\n", "")),
        ("a\nb", ")\n", None),
    ],
)
def test_a_place_is_at_the_end_of_its_line(before: str, after: str, place: Place | None) -> None:
    assert Place.at(before + after, len(before)) == place


def test_a_place_with_less_above() -> None:
    place = Place("a = 1\nb = 2\nc = 3\n", "d")
    assert place.last(99) == place.last(18) == place
    assert place.last(12) == Place("b = 2\nc = 3\n", "d")
    assert place.last(11) == Place("c = 3\n", "d")
    assert place.last(0) == Place("", "d")
    asked = Place("# ondevice: x\na  # ondevice: y\nb\n", "")
    assert asked.without_requests() == Place("a\nb\n", "")


def test_what_a_model_is_asked_for() -> None:
    def asked(above: str) -> str:
        return instruction(above, "go on", lintseq=True)

    assert asked("") == asked("x = 1\n") == asked("#!\n#\n") == "go on"
    assert asked("# ondevice: write f\n# a comment\n") == "write f"
    assert asked("# one\nx = 1  # two\ny\n") == "one"
    assert asked('# one\ndef f():\n    """Return 1."""\n') == "Return 1."
    general = instruction("# write f\n", "go on", lintseq=False)
    assert general.endswith(" write f")
    assert "at the end of the file" in general


def test_what_goes_on_from_the_cursor_is_offered() -> None:
    check = Continuation(Place("\ufeffa\n", "  b"))
    assert check("a\n  b = 1\n  c\n\n") == []
    assert check.offered == " = 1\n  c"
    for text in ("a\n", "a\n  b\n", "a\n  c = 1\n", "x\na\n  b = 1\n"):
        (finding,) = check(text)
        assert finding.line == 2
    assert check.offered == " = 1\n  c"
