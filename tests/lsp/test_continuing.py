from __future__ import annotations

import pytest

from ondevice.lsp.continuing import Continuation, Place, question


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


def test_what_a_model_is_asked_for() -> None:
    def asked(above: str) -> tuple[str, str]:
        words, place = question(Place(above, "x"), "go on", lintseq=True)
        assert place.typed == "x"
        return words, place.above

    for nothing in ("", "x = 1\n", "#!\n#\n"):
        assert asked(nothing) == ("go on", nothing)
    assert asked("# ondevice: write f\n# a comment\n") == ("write f", "# a comment\n")
    assert asked("# one\nx = 1  # two\ny\n") == ("one", "x = 1  # two\ny\n")
    assert asked("a\r\n  # one\r\ny\r\n") == ("one", "a\r\ny\r\n")
    documented = '# one\ndef f():\n    """Return 1."""\n'
    assert asked(documented) == ("Return 1.", documented)


def test_what_a_general_model_is_asked_for() -> None:
    place = Place("# write f\n", "")
    words, given = question(place, "go on", lintseq=False)
    assert words.endswith(" write f")
    assert "at the end of the file" in words
    assert given == place


def test_what_goes_on_from_the_cursor_is_offered() -> None:
    check = Continuation(Place("\ufeffa\n", "  b"))
    assert check("a\n  b = 1\n  c\n\n") == []
    assert check.offered == " = 1\n  c"
    for text in ("a\n", "a\n  b\n", "a\n  c = 1\n", "x\na\n  b = 1\n"):
        (finding,) = check(text)
        assert finding.line == 2
    assert check.offered == " = 1\n  c"
