"""The protocol that a backend fulfils: tokens in, logits out, a cache that forks and truncates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

Logits = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ChatFormat:
    """How a chat model's prompts are written: a Jinja template, as Hugging Face has them.

    ``bos_token`` and ``eos_token`` are texts that it may put in, empty where there are none.
    """

    template: str
    bos_token: str = ""
    eos_token: str = ""


class Backend(Protocol):
    """One loaded model with up to ``max_sequences`` sequences in its key-value cache.

    A sequence is named by an integer in ``range(max_sequences)`` and starts empty. A backend is
    not thread-safe, but for ``lanes``; whoever holds it serializes the calls.
    """

    name: str
    """``"onnx"`` or ``"llama_cpp"``."""
    vocab_size: int
    """Width of a row of logits, padded rows included."""
    context_length: int
    """Tokens that one sequence may hold."""
    max_sequences: int
    lanes: int
    """How many threads may call ``evaluate`` at once, each for other sequences, and gain by it.
    Nothing else may be called meanwhile."""
    end_tokens: frozenset[int]
    """Tokens that end a text (``<|endoftext|>``, say); they are never part of the diff."""
    prefix_tokens: tuple[int, ...]
    """Tokens that a text must begin with (a beginning-of-sequence token), often none."""
    chat: ChatFormat | None
    """How the model is talked to; None where its files do not say."""

    def tokenize(self, text: str) -> list[int]:
        """Return the canonical tokens of ``text``; added tokens such as ``<|diff|>`` are
        recognized, nothing is put in front or behind."""
        ...

    def token_bytes(self, token: int) -> bytes:
        """Return the exact bytes of one token; empty for control tokens and padded rows."""
        ...

    def constraint_tokenizer(self) -> Any:
        """Return the ``llguidance.LLTokenizer`` over this vocabulary (made once)."""
        ...

    def evaluate(self, batch: Sequence[tuple[int, Sequence[int]]]) -> Logits:
        """Append tokens to sequences and return the logits after each one's last token.

        ``batch`` holds (sequence, tokens) pairs with at least one token each and no sequence
        twice. The result is float32 of shape (len(batch), vocab_size) and belongs to the caller;
        rows that only pad the vocabulary are -inf. Raises ``RequestError`` when a sequence would
        outgrow the context; nothing is appended then, as after any other error.
        """
        ...

    def length(self, sequence: int) -> int:
        """Return the number of tokens that the sequence holds."""
        ...

    def fork(self, source: int, target: int) -> None:
        """Make ``target`` a copy of ``source``; what it held before is gone."""
        ...

    def truncate(self, sequence: int, length: int) -> None:
        """Forget all tokens from position ``length`` on."""
        ...

    def set_threads(self, threads: int) -> None:
        """Compute with so many threads from now on."""
        ...

    def close(self) -> None:
        """Free the weights and the cache; calling it again does nothing."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
