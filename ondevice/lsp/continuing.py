"""How a model is asked to continue the text at the cursor, and what of its answer counts."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ondevice.events import Finding
from ondevice.lsp.scope import request_comments

_COMMENT = re.compile(
    r"^[ \t]*(?:#+|//+|(?P<quotes>\"\"\"|'''))[ \t]*(?P<words>[^\W_][^\r\n]*)\r?\n?", re.M
)
_GENERAL = "Add the lines that come next at the end of the file, and change nothing else. {}"


@dataclass(frozen=True, slots=True)
class Place:
    """A place at the end of a line: the whole lines above, and what is typed of its own."""

    above: str
    typed: str

    @classmethod
    def at(cls, text: str, offset: int) -> Place | None:
        """Return the place at an offset; None where more than blanks follows on the line."""
        start = text.rfind("\n", 0, offset) + 1
        end = text.find("\n", offset)
        if text[offset : end if end >= 0 else len(text)].strip():
            return None
        return cls(text[:start], text[start:offset])

    def last(self, length: int) -> Place:
        """Return the place with no more than so many characters above, in whole lines."""
        cut = len(self.above) - length
        if cut <= 0:
            return self
        return Place(self.above[self.above.find("\n", cut - 1) + 1 :], self.typed)


def question(place: Place, default: str, *, lintseq: bool) -> tuple[str, Place]:
    """Return what to ask a model for, and the place as it is given.

    Asked for is the nearest request comment above, or else the nearest comment or docstring, or
    else ``default``. Request comments are no part of the program. A LintSeq model takes the text
    for its own, in which the comment that it is asked by would not stand, either; any other has to
    be told to go on.
    """
    above = place.above
    requests = list(request_comments(above, 0, len(above)))
    for comment in reversed(requests):
        above = above[: comment.start] + above[comment.end :]
    if requests:
        words = requests[-1].request
    elif said := list(_COMMENT.finditer(above)):
        words = said[-1]["words"]
        if lintseq and not said[-1]["quotes"]:
            above = above[: said[-1].start()] + above[said[-1].end() :]
    else:
        words = default
    words = words.strip().rstrip("\"'")
    return words if lintseq else _GENERAL.format(words), Place(above, place.typed)


class Continuation:
    """A check that what is above stays, and what is added goes on from what is typed.

    ``offered`` is what comes at the cursor by the last text that passed.
    """

    __name__ = "continuation"

    def __init__(self, place: Place) -> None:
        self._above = place.above.removeprefix("\ufeff")
        self._typed = place.typed
        self.offered = ""

    def __call__(self, text: str) -> list[Finding]:
        """Return a finding where the text is not the one above with more that fits."""
        begin = self._above + self._typed
        if text.startswith(begin) and text[len(begin) :].strip():
            self.offered = text[len(begin) :].rstrip()
            return []
        row = self._above.count("\n") + 1
        wrong = f"the line does not begin with {self._typed!r}"
        # What is found before the first edit is known, and must not be what is found after it.
        return [Finding(self.__name__, row, "no line comes yet" if text == self._above else wrong)]
