"""The protocol of a constraint: what may come next, given the buffer."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ondevice.edits import Buffer, Header

Lengths = Literal["announced", "written"]
"""What decides how long a hunk is: its header, so that exactly the announced lines come; or its
lines, so that the header is mended once they are written."""


@dataclass(frozen=True, slots=True)
class Mending:
    """A header whose counts are not those of the lines that were written after it.

    ``at`` is the place of its line in the edit's text, in characters, earlier headers of the edit
    being mended; ``announced`` is that line, and ``header`` what should stand there.
    """

    at: int
    announced: str
    header: Header

    def mend(self, text: str) -> str:
        """Return the edit's text with the header as it should be.

        Raises:
            ValueError: The announced header does not stand there.
        """
        end = self.at + len(self.announced)
        if text[self.at : end] != self.announced:
            raise ValueError(f"no {self.announced!r} at {self.at} of {text!r}")
        return text[: self.at] + str(self.header) + text[end:]

    def mend_tokens(
        self,
        tokens: Sequence[int],
        token_bytes: Callable[[int], bytes],
        tokenize: Callable[[str], list[int]],
    ) -> list[int]:
        """Return the edit's tokens with those of the header exchanged, and no others.

        Text elsewhere may spell out a special token, which a tokenizer would take for that one.

        Raises:
            ValueError: The announced header does not stand there.
        """
        data = b"".join(map(token_bytes, tokens))
        begin = len(data.decode()[: self.at].encode())
        end = begin + len(self.announced)
        ends = list(accumulate(len(token_bytes(token)) for token in tokens))
        first, stop = bisect_right(ends, begin), bisect_left(ends, end) + 1
        start = ends[first - 1] if first else 0
        # A token that goes on after the header may end within a character.
        while not _is_text(data[start : ends[stop - 1]]):
            stop += 1
        part = data[start : ends[stop - 1]].decode()
        place = replace(self, at=begin - start)
        return [*tokens[:first], *tokenize(place.mend(part)), *tokens[stop:]]


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


class Constraint(Protocol):
    """Follows one branch token by token, from hunk to hunk.

    What it allows is always an edit that applies, once its headers are mended.
    """

    def start_edit(self, buffer: Buffer) -> None:
        """Begin an edit of the buffer as it now is."""
        ...

    def forced(self) -> list[int]:
        """Return the tokens that must come next, in canonical form; often none."""
        ...

    def allows(self, token: int) -> bool:
        """Tell whether the token may come next."""
        ...

    def mask(self) -> NDArray[np.bool_]:
        """Return which tokens may come next, of shape (vocabulary,)."""
        ...

    def mending(self, token: int) -> Mending | None:
        """Return what must be mended before an allowed token, which is yet to be consumed.

        None where the token goes on with the hunk in progress, or the hunk's header is right. Ask
        before every token, forced ones and those that end the text included. The constraint goes
        on as if the header were mended; it need not be told.
        """
        ...

    def consume(self, token: int) -> None:
        """Go on by an allowed token."""
        ...
