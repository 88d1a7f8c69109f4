"""A backend without weights, for tests: it makes the logits that lead to a given text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ondevice.backends.base import Logits
from ondevice.backends.common import Rows, SequenceBackend, encode_text, wrap_vocabulary

END_TOKEN = 256
DIFF_TOKEN = 257
_SPECIAL = {END_TOKEN: b"<|endoftext|>", DIFF_TOKEN: b"<|diff|>"}
_CERTAIN = 30.0

LogitsFunction = Callable[[Sequence[int]], NDArray[np.float32]]


@dataclass
class _Sequence:
    tokens: list[int] = field(default_factory=list)
    prompt: int = 0
    attempt: int = 0
    cut: bool = False


class ScriptedBackend(SequenceBackend):
    """A byte-level vocabulary (token = byte), ``<|endoftext|>`` (256) and ``<|diff|>`` (257).

    ``script`` is what follows the prompt, the prompt being what is evaluated first on an empty
    sequence: a text; or several, where every truncation of a sequence moves it on to the next,
    the last being repeated; or a function from all of a sequence's tokens to logits. A script
    that contradicts what the sequence already holds is passed over; where none fits, and after a
    script's end, comes ``<|endoftext|>``. ``calls`` records each batch that was evaluated.
    """

    name = "scripted"

    def __init__(
        self,
        script: str | Sequence[str] | LogitsFunction,
        *,
        context_length: int = 4096,
        max_sequences: int = 1,
    ) -> None:
        super().__init__(context_length=context_length, max_sequences=max_sequences)
        self.vocab_size = 258
        self.end_tokens = frozenset({END_TOKEN})
        self.prefix_tokens = ()
        self.calls: list[list[tuple[int, list[int]]]] = []
        self._sequences = [_Sequence() for _ in range(max_sequences)]
        if callable(script):
            self._logits: LogitsFunction | None = script
            return
        texts = [script] if isinstance(script, str) else script
        self._logits = None
        self._scripts = [self.tokenize(text) for text in texts]

    def tokenize(self, text: str) -> list[int]:
        """Return the bytes of ``text``, and 256 and 257 where the special tokens stand."""
        self._check_open()
        pieces = encode_text(text).split(_SPECIAL[DIFF_TOKEN])
        tokens: list[int] = []
        for number, piece in enumerate(pieces):
            tokens += [DIFF_TOKEN] * (number > 0)
            for inner, part in enumerate(piece.split(_SPECIAL[END_TOKEN])):
                tokens += [END_TOKEN] * (inner > 0)
                tokens += part
        return tokens

    def token_bytes(self, token: int) -> bytes:
        """Return the exact bytes of one token; empty for ``<|endoftext|>``."""
        self._check_token(token)
        if token == END_TOKEN:
            return b""
        return _SPECIAL.get(token) or bytes([token])

    def _make_constraint_tokenizer(self) -> Any:
        pieces = [_SPECIAL.get(token) or bytes([token]) for token in range(self.vocab_size)]
        return wrap_vocabulary(pieces, list(_SPECIAL), [END_TOKEN], self.tokenize)

    def _append(self, rows: Rows) -> Logits:
        self.calls.append([(sequence, list(tokens)) for sequence, tokens in rows])
        for sequence, tokens in rows:
            state = self._sequences[sequence]
            if not state.tokens:
                state.prompt = len(tokens)
            state.tokens += tokens
            state.cut = False
        return np.stack([self._next(self._sequences[sequence]) for sequence, _ in rows])

    def _next(self, state: _Sequence) -> NDArray[np.float32]:
        if self._logits is not None:
            return np.asarray(self._logits(tuple(state.tokens)), dtype=np.float32)
        logits = np.zeros(self.vocab_size, dtype=np.float32)
        written = state.tokens[state.prompt :]
        first = min(state.attempt, len(self._scripts) - 1)
        for script in self._scripts[first:]:
            if script[: len(written)] == written and len(script) > len(written):
                logits[script[len(written)]] = _CERTAIN
                return logits
        logits[END_TOKEN] = _CERTAIN
        return logits

    def _copy(self, source: int, target: int) -> None:
        state = self._sequences[source]
        self._sequences[target] = replace(state, tokens=list(state.tokens))

    def _cut(self, sequence: int, length: int) -> None:
        state = self._sequences[sequence]
        del state.tokens[length:]
        if not state.tokens:
            self._sequences[sequence] = _Sequence()
        elif not state.cut:  # several cuts in a row, with nothing in between, are one
            state.attempt += 1
            state.cut = True

    def set_threads(self, threads: int) -> None:
        """Do nothing: there is nothing to compute."""

    def _free(self) -> None:
        self._sequences.clear()
