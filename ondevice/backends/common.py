"""What all backends share: the lengths of their sequences, the checks in front of native code,
and the constraint tokenizer."""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from ondevice.backends.base import ChatFormat, Logits
from ondevice.errors import ClosedError, RequestError

Rows = list[tuple[int, list[int]]]


class SequenceBackend(abc.ABC):
    """Base of the backends: it validates every call, so that subclasses only compute.

    A subclass appends, copies and cuts in ``_append``, ``_copy``, ``_cut``, and frees in
    ``_free``; lengths are kept here. ``_append`` must leave the cache as it was when it raises.
    """

    name: str
    vocab_size: int
    end_tokens: frozenset[int]
    prefix_tokens: tuple[int, ...]
    chat: ChatFormat | None = None
    lanes = 1

    def __init__(self, *, context_length: int, max_sequences: int) -> None:
        self.context_length = context_length
        self.max_sequences = max_sequences
        self._lengths = [0] * max_sequences
        self._constraint_tokenizer: Any = None
        self._closed = False

    @abc.abstractmethod
    def tokenize(self, text: str) -> list[int]:
        """See ``Backend.tokenize``."""

    @abc.abstractmethod
    def token_bytes(self, token: int) -> bytes:
        """See ``Backend.token_bytes``."""

    @abc.abstractmethod
    def _make_constraint_tokenizer(self) -> Any: ...

    @abc.abstractmethod
    def _append(self, rows: Rows) -> Logits: ...

    @abc.abstractmethod
    def _copy(self, source: int, target: int) -> None: ...

    @abc.abstractmethod
    def _cut(self, sequence: int, length: int) -> None: ...

    @abc.abstractmethod
    def set_threads(self, threads: int) -> None:
        """See ``Backend.set_threads``."""

    @abc.abstractmethod
    def _free(self) -> None: ...

    def constraint_tokenizer(self) -> Any:
        """Return the ``llguidance.LLTokenizer`` over this vocabulary (made once)."""
        self._check_open()
        if self._constraint_tokenizer is None:
            self._constraint_tokenizer = self._make_constraint_tokenizer()
        return self._constraint_tokenizer

    def evaluate(self, batch: Sequence[tuple[int, Sequence[int]]]) -> Logits:
        """See ``Backend.evaluate``."""
        rows = self._checked_rows(batch)
        logits = self._append(rows)
        for sequence, tokens in rows:
            self._lengths[sequence] += len(tokens)
        return logits

    def length(self, sequence: int) -> int:
        """Return the number of tokens that the sequence holds."""
        self._check_sequence(sequence)
        return self._lengths[sequence]

    def fork(self, source: int, target: int) -> None:
        """Make ``target`` a copy of ``source``; what it held before is gone."""
        self._check_sequence(source)
        self._check_sequence(target)
        if source != target:
            self._copy(source, target)
            self._lengths[target] = self._lengths[source]

    def truncate(self, sequence: int, length: int) -> None:
        """Forget all tokens from position ``length`` on."""
        self._check_sequence(sequence)
        if length < 0:
            raise RequestError(f"a sequence cannot be truncated to {length} tokens")
        if length < self._lengths[sequence]:
            self._cut(sequence, length)
            self._lengths[sequence] = length

    def close(self) -> None:
        """Free the weights and the cache; calling it again does nothing."""
        if not self._closed:
            self._closed = True
            self._free()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError("the model has been closed; load it again to use it")

    def _check_sequence(self, sequence: int) -> None:
        self._check_open()
        if not 0 <= sequence < self.max_sequences:
            raise RequestError(
                f"there is no sequence {sequence}: the model was opened with "
                f"max_sequences={self.max_sequences}"
            )

    def _checked_rows(self, batch: Sequence[tuple[int, Sequence[int]]]) -> Rows:
        self._check_open()
        if not batch:
            raise RequestError("an empty batch was given to evaluate")
        if len({sequence for sequence, _ in batch}) < len(batch):
            raise RequestError("a sequence occurs twice in one batch")
        for sequence, tokens in batch:
            self._check_sequence(sequence)
            self._check_tokens(sequence, tokens)
        return [(sequence, list(tokens)) for sequence, tokens in batch]

    def _check_token(self, token: int) -> None:
        self._check_open()
        if not 0 <= token < self.vocab_size:
            raise RequestError(f"token {token} is outside of the vocabulary of {self.vocab_size}")

    def _check_tokens(self, sequence: int, tokens: Sequence[int]) -> None:
        if not len(tokens):
            raise RequestError(f"no tokens were given for sequence {sequence}")
        if min(tokens) < 0 or max(tokens) >= self.vocab_size:
            raise RequestError(f"a token is outside of the vocabulary of {self.vocab_size}")
        held = self._lengths[sequence]
        if held + len(tokens) > self.context_length:
            raise RequestError(
                f"sequence {sequence} holds {held} tokens; {len(tokens)} more do not fit its "
                f"context of {self.context_length}"
            )


class _Vocabulary:
    """A vocabulary in the form that ``llguidance.TokenizerWrapper`` asks for."""

    bos_token_id = None

    def __init__(
        self,
        tokens: Sequence[bytes],
        special: Sequence[int],
        end_token: int,
        encode: Callable[[str], list[int]],
    ) -> None:
        self.tokens = tokens
        self.special_token_ids = special
        self.eos_token_id = end_token
        self._encode = encode

    def __call__(self, text: str) -> list[int]:
        # llguidance finds out with bytes whether we take them; a TypeError says no.
        if not isinstance(text, str):
            raise TypeError("text is expected")
        return self._encode(text)


def wrap_vocabulary(
    tokens: Sequence[bytes],
    special: Sequence[int],
    end_tokens: Sequence[int],
    encode: Callable[[str], list[int]],
) -> Any:
    """Return an ``llguidance.LLTokenizer`` over ``tokens``, which encodes text with ``encode``.

    Grammars name a ``special`` token by its text, as in ``<|diff|>``; its characters spelled out
    do not match it.
    """
    import llguidance

    vocabulary = _Vocabulary(tokens, special, end_tokens[0], encode)
    wrapper = llguidance.TokenizerWrapper(vocabulary)
    return llguidance.LLTokenizer(
        wrapper, n_vocab=len(tokens), eos_token=list(end_tokens), slices=None
    )


def encode_text(text: str) -> bytes:
    """Return ``text`` in UTF-8; ``RequestError`` when it holds half of a surrogate pair."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise RequestError(f"the text is not valid Unicode: {error}") from error


def check_context(requested: int | None, trained: int, default: int) -> int:
    """Return the context length to use.

    Raises ``RequestError`` when more is requested than the model was trained with.
    """
    if requested is None:
        return min(trained, default)
    if not 1 <= requested <= trained:
        raise RequestError(
            f"a context of {requested} tokens was requested; the model was trained with {trained}. "
            f"Ask for 1 to {trained}"
        )
    return requested


def looks_special(text: bytes) -> bool:
    """Tell whether grammars see a user-defined token as one symbol, as llguidance itself decides
    for tokenizer.json files."""
    return text.startswith(b"<") and text.endswith(b">")
