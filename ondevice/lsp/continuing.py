"""How a model is asked to continue the text at the cursor, and what of its answer counts."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ondevice.events import Finding
from ondevice.lsp.scope import request_comments

_COMMENT = re.compile(r"[ \t]*(?:#+|//+|\"\"\"|''')[ \t]*(?P<words>[^\W_][^\r\n]*)")
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

    def without_requests(self) -> Place:
        """Return the place less the request comments, which are no part of the program."""
        above = self.above
        for comment in reversed(list(request_comments(above, 0, len(above)))):
            above = above[: comment.start] + above[comment.end :]
        return Place(above, self.typed)

    def last(self, length: int) -> Place:
        """Return the place with no more than so many characters above, in whole lines."""
        cut = len(self.above) - length
        if cut <= 0:
            return self
        return Place(self.above[self.above.find("\n", cut - 1) + 1 :], self.typed)


def instruction(above: str, default: str, *, lintseq: bool) -> str:
    """Return what to ask a model for: the nearest request comment above, or else the nearest
    comment or docstring, or else ``default``.

    A LintSeq model continues what it takes for its own; any other has to be told so.
    """
    asked = [comment.request for comment in request_comments(above, 0, len(above))]
    said = [match["words"] for line in above.split("\n") if (match := _COMMENT.match(line))]
    words = (asked or said or [default])[-1].strip().rstrip("\"'")
    return words if lintseq else _GENERAL.format(words)


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
        return [Finding(self.__name__, row, f"the line does not begin with {self._typed!r}")]
