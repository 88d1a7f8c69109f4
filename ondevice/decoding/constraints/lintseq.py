"""What may come next in the LintSeq dialect, given the buffer: only hunks that apply to it.

A grammar is made for each hunk as it begins. Its header may name any position at or after the end
of the hunk before, the new start follows from it, and exactly as many lines must follow as the
header announces. The masks are llguidance's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ondevice.edits import SEPARATOR, Buffer, format_range

MAX_HUNK_LINES = 100
"""Lines that one hunk may add; the cost of making a grammar grows with it (about 25 us a line)."""

_LINE = r"line: /\n\+[^\n\r]*/"


class LintSeqConstraint:
    """The constraint of the LintSeq dialect, on top of a backend's constraint tokenizer.

    A sequence may end with the empty edit, or with an end-of-text token in its place, as soon as
    the buffer is not empty.
    """

    def __init__(self, tokenizer: Any, vocabulary: int, end_tokens: frozenset[int]) -> None:
        self._tokenizer = tokenizer
        self._vocabulary = vocabulary
        self._end_tokens = end_tokens
        self._lines = 0
        self._may_end_text = False
        self._matcher: Any = None

    def start_edit(self, buffer: Buffer) -> None:
        """See ``Constraint.start_edit``."""
        self._lines = len(buffer.lines)
        self._may_end_text = self._lines > 0
        before = rf'"\n" {SEPARATOR} | ' if self._lines else ""
        self._make(before, 0, 0)

    def start_hunk(self, start: int, growth: int) -> None:
        """See ``Constraint.start_hunk``.

        Two insertions at one place would be one hunk, so ``start`` is at least the row after the
        place of the hunk before.
        """
        self._may_end_text = False
        self._make(f"{SEPARATOR} | ", start, growth)

    def forced(self) -> list[int]:
        """See ``Constraint.forced``."""
        return [] if self._may_end_text else list(self._matcher.compute_ff_tokens())

    def allows(self, token: int) -> bool:
        """See ``Constraint.allows``."""
        if token in self._end_tokens:
            return self._may_end_text
        return bool(self._matcher.validate_tokens([token]))

    def mask(self) -> NDArray[np.bool_]:
        """See ``Constraint.mask``."""
        allowed = np.frombuffer(self._matcher.compute_logit_bias(), dtype=np.uint8) != 0
        mask = np.zeros(self._vocabulary, dtype=np.bool_)
        mask[: len(allowed)] = allowed[: self._vocabulary]
        mask[list(self._end_tokens)] = self._may_end_text
        return mask

    def consume(self, token: int) -> None:
        """See ``Constraint.consume``."""
        self._may_end_text = False
        if token not in self._end_tokens:
            self._matcher.consume_token(token)
            self._check()

    @property
    def hunk_is_over(self) -> bool:
        """See ``Constraint.hunk_is_over``."""
        return bool(self._matcher.is_stopped())

    def _make(self, before: str, first: int, growth: int) -> None:
        from llguidance import LLMatcher

        grammar = lintseq_grammar(before, first, self._lines, growth)
        self._matcher = LLMatcher(self._tokenizer, LLMatcher.grammar_from_lark(grammar))
        self._check()

    def _check(self) -> None:
        # llguidance never raises: a fault of ours would otherwise end as a mask of nothing.
        if self._matcher.is_error():
            raise AssertionError(f"the constraint failed: {self._matcher.get_error()}")


def lintseq_grammar(before: str, first: int, last: int, growth: int) -> str:
    """Return a Lark grammar of one insertion at a row from ``first`` to ``last``.

    ``before`` holds alternatives to the hunk, each ended by ``|``.
    """
    if first > last:
        return f"start: {before.rstrip(' |')}"
    # As one terminal, hundreds of positions cost half the time that a rule of them takes.
    positions = "|".join(
        rf"{format_range(row, 0)} \+{row + growth + 1}" for row in range(first, last + 1)
    )
    counts = " | ".join(
        ['" @@" line', *(f'",{n} @@" line{{{n}}}' for n in range(2, MAX_HUNK_LINES + 1))]
    )
    return "\n".join(
        [
            f"start: {before}hunk",
            r'hunk: "@@ -" POSITION count "\n"',
            f"POSITION: /{positions}/",
            f"count: {counts}",
            _LINE,
        ]
    )
