"""A grammar being followed: llguidance's matcher, with faults that raise."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

_REMEMBERED = 128
"""Grammars of which a matcher is kept: one takes a millisecond to make, and a copy microseconds."""


class Matchers:
    """Makes matchers of Lark grammars over one constraint tokenizer.

    The hunks of one request, of its samples, and of others look much alike: so the latest grammars
    are kept. Threads may share it.
    """

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self._kept: OrderedDict[str, Any] = OrderedDict()

    def make(self, grammar: str) -> Matcher:
        """Return a matcher at the start of a grammar."""
        from llguidance import LLMatcher

        kept = self._kept.pop(grammar, None)
        if kept is None:
            made = LLMatcher.grammar_from_lark(grammar)
            kept = LLMatcher(self.tokenizer, made, log_level=0)
        self._kept[grammar] = kept
        if len(self._kept) > _REMEMBERED:
            self._kept.popitem(last=False)
        return Matcher(self.tokenizer, kept.deep_copy())


class Matcher:
    """Follows one grammar over a constraint tokenizer; ``matcher`` is llguidance's.

    Raises:
        AssertionError: Here and in ``consume``: the grammar, or a token, is not as it should be.
            llguidance itself never raises, and a fault of ours would end as a mask of nothing.
    """

    def __init__(self, tokenizer: Any, matcher: Any) -> None:
        self._tokenizer = tokenizer
        self._matcher = matcher
        self._known: dict[int, bool] = {}
        """What was said of tokens at this place: each is asked about two or three times."""
        self._check()

    @property
    def may_end(self) -> bool:
        """Whether the grammar is satisfied by what was consumed."""
        return bool(self._matcher.is_accepting())

    @property
    def must_end(self) -> bool:
        """Whether nothing can follow."""
        return bool(self._matcher.is_stopped())

    def allows(self, token: int) -> bool:
        """Tell whether the token may come next; never so for end tokens that it names not."""
        known = self._known.get(token)
        if known is None:
            known = self._known[token] = bool(self._matcher.validate_tokens([token]))
        return known

    def forced(self) -> list[int]:
        """Return the tokens that must come next."""
        tokens: list[int] = self._matcher.compute_ff_tokens()
        if tokens and not self.allows(tokens[0]):
            # The text spells out a special token, and the tokenizer gives that one for it; cut
            # after its first character, it is recognized no more.
            text = self._matcher.compute_ff_bytes().decode("utf-8", "ignore")
            tokens = self._tokenizer.greedy_tokenize(text[:1])
        return tokens[: self._matcher.validate_tokens(tokens)]

    def mask(self, vocabulary: int) -> NDArray[np.bool_]:
        """Return which tokens may come next, or only the one in which this must be written.

        What it says of end tokens means nothing.
        """
        mask = np.zeros(vocabulary, dtype=np.bool_)
        if forced := self.forced():
            mask[forced[0]] = True  # llguidance would allow a special token that is spelled out
            return mask
        allowed = np.frombuffer(self._matcher.compute_logit_bias(), dtype=np.uint8) != 0
        mask[: len(allowed)] = allowed[:vocabulary]
        return mask

    def consume(self, tokens: Iterable[int]) -> None:
        """Go on by tokens that are allowed."""
        self._known.clear()
        if not self._matcher.consume_tokens(list(tokens)):
            self._check()

    def _check(self) -> None:
        if self._matcher.is_error():
            raise AssertionError(f"the constraint failed: {self._matcher.get_error()}")
