"""Following an edit from hunk to hunk, whatever the dialect."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ondevice.decoding.constraints.base import Mending
from ondevice.decoding.constraints.matcher import Matcher, Matchers
from ondevice.decoding.constraints.progress import Progress
from ondevice.edits import Buffer


class HunkConstraint(ABC):
    """A constraint with one matcher for the hunk in progress and one for what may follow it.

    Where the hunk in progress may be over, both say what comes next. What follows a hunk begins
    with a token of its own: one that holds the end of a hunk and the beginning of what follows is
    refused, so that a hunk can be mended where it ends. Nothing is lost by that: neither the
    pre-tokenizers of GPT-2, Llama 3 and Qwen nor SentencePiece's join a line break to an ``@``
    after it. Within a hunk, tokens may reach over line ends as they like.
    """

    def __init__(
        self, tokenizer: Any | Matchers, vocabulary: int, end_tokens: frozenset[int]
    ) -> None:
        self._matchers = tokenizer if isinstance(tokenizer, Matchers) else Matchers(tokenizer)
        self._tokenizer = self._matchers.tokenizer
        self._vocabulary = vocabulary
        self._end_tokens = end_tokens

    def start_edit(self, buffer: Buffer) -> None:
        """See ``Constraint.start_edit``."""
        self._buffer = buffer
        self._growth = 0  # by how many lines whole hunks have made the buffer longer
        self._progress = Progress(0)
        self._hunk = self._opening()
        self._next: Matcher | None = None
        self._may_be_over = False

    def forced(self) -> list[int]:
        """See ``Constraint.forced``."""
        if self._may_end_text():
            return []
        if not self._may_be_over:
            return self._hunk.forced()
        following = self._following() if self._hunk.must_end else None
        return following.forced() if following else []

    def allows(self, token: int) -> bool:
        """See ``Constraint.allows``."""
        if token in self._end_tokens:
            return self._may_end_text()
        if self._hunk.allows(token):
            return True
        following = self._following()
        return following is not None and following.allows(token)

    def mask(self) -> NDArray[np.bool_]:
        """See ``Constraint.mask``."""
        mask = self._hunk.mask(self._vocabulary)
        if following := self._following():
            mask |= following.mask(self._vocabulary)
        mask[list(self._end_tokens)] = self._may_end_text()
        return mask

    def mending(self, token: int) -> Mending | None:
        """See ``Constraint.mending``."""
        if not self._may_be_over:
            return None
        if token not in self._end_tokens and self._hunk.allows(token):
            return None
        header = self._progress.header(self._growth)
        at, announced = self._progress.place()
        return None if announced == str(header) else Mending(at, announced, header)

    def consume(self, token: int) -> None:
        """See ``Constraint.consume``."""
        if token in self._end_tokens:
            return
        following = None if self._hunk.allows(token) else self._following()
        if following is not None:
            self._hunk = following
            self._leave_hunk()
        self._hunk.consume([token])
        self._progress.add(token, self._tokenizer.decode_bytes([token]))
        self._next = None
        self._may_be_over = (
            self._progress.is_between_lines and self._hunk.may_end and self._hunk_may_end()
        )
        self._advance()

    @abstractmethod
    def _opening(self) -> Matcher:
        """Return a matcher of the edit's first hunk, or of what may stand in its place."""

    @abstractmethod
    def _further(self) -> Matcher | None:
        """Return a matcher of what may follow the hunk in progress; None where nothing may."""

    @abstractmethod
    def _may_end_text(self) -> bool:
        """Tell whether an end token may come."""

    def _advance(self) -> None:  # noqa: B027, for most dialects this is nothing
        """Take another matcher for the rest of the hunk, where it is time."""

    def _hunk_may_end(self) -> bool:
        """Tell whether the hunk may end after this line; the grammar has said that it may."""
        return True

    def _following(self) -> Matcher | None:
        if self._may_be_over and self._next is None:
            self._next = self._further()
        return self._next

    def _row_after(self) -> int:
        """Return the first row at which a hunk may begin that follows the one in progress."""
        header = self._progress.header(self._growth)
        # Two insertions at one place would be one hunk.
        return header.old_start + max(header.old_count, 1)

    def _growth_after(self) -> int:
        return self._growth + self._progress.new_count - self._progress.old_count

    def _leave_hunk(self) -> None:
        header = self._progress.header(self._growth)
        self._growth = self._growth_after()
        self._progress = Progress(self._progress.offset(header))
        self._may_be_over = False
