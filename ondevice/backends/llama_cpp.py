"""Logits from GGUF files: llama.cpp through the ctypes functions of llama-cpp-python."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Any

import numpy as np

from ondevice.backends.base import ChatFormat, Logits
from ondevice.backends.common import (
    Rows,
    SequenceBackend,
    check_context,
    encode_text,
    looks_special,
    wrap_vocabulary,
)
from ondevice.backends.gguf_shape import BATCH_SIZE, read_shape
from ondevice.backends.llama_library import Batch, Outputs, last_messages, load_library
from ondevice.backends.machine import check_memory, default_threads, sequences_that_fit
from ondevice.errors import ModelError, ModelFormatError, OutOfMemoryError, RequestError

DEFAULT_CONTEXT = 4096


class LlamaCppBackend(SequenceBackend):
    """A GGUF model, each of its sequences in a part of the cache of its own.

    The cache has room for ``max_sequences`` sequences of ``context_length`` tokens that share
    nothing. Logits are reproducible for the same calls in the same order on an empty backend;
    another shape of batch changes them in the last digits.
    """

    name = "llama_cpp"

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        context_length: int | None = None,
        max_sequences: int | None = None,
        threads: int | None = None,
    ) -> None:
        """Load ``path``; see ``open_backend`` for the parameters and what is raised."""
        path = Path(path)
        trained, self.cache_bytes_per_token, scores = read_shape(path)
        token_bytes = self.cache_bytes_per_token + scores
        context_length = check_context(context_length, trained, DEFAULT_CONTEXT)
        max_sequences = sequences_that_fit(max_sequences, context_length * token_bytes)
        super().__init__(context_length=context_length, max_sequences=max_sequences)
        self._library = load_library()
        limit = self._library.llama_max_parallel_sequences()
        if not 1 <= max_sequences <= limit:
            raise RequestError(f"max_sequences is {max_sequences}; llama.cpp takes 1 to {limit}")
        check_memory(
            path.stat().st_size,
            context_length * max_sequences * token_bytes,
            f"{max_sequences} sequences of {context_length} tokens",
        )
        self._model = self._load(path)
        self._context = self._make_context(threads or default_threads(path.stat().st_size))
        self._memory = self._library.llama_get_memory(self._context)
        self._batch = Batch(self._library, BATCH_SIZE)
        self._read_vocabulary()
        self._outputs = Outputs(self._library, self.vocab_size)

    def _load(self, path: Path) -> Any:
        last_messages()
        parameters = self._library.llama_model_default_params()
        model = self._library.llama_model_load_from_file(os.fsencode(path), parameters)
        if not model:
            raise ModelFormatError(f"llama.cpp cannot load {path}: {last_messages()}")
        return model

    def _make_context(self, threads: int) -> Any:
        parameters = self._library.llama_context_default_params()
        parameters.n_ctx = self.context_length * self.max_sequences
        parameters.n_batch = parameters.n_ubatch = BATCH_SIZE
        parameters.n_seq_max = self.max_sequences
        parameters.n_threads = parameters.n_threads_batch = threads
        # In a unified cache, where a sequence's cells lie depends on what else is in it, and with
        # that the last digits of its logits. For that, a batch of 16 is a tenth to a half slower
        # (measured).
        parameters.kv_unified = False
        # Flash attention sums the values in F16 on a CPU: twice the error against fp32, and logits
        # that depend on the number of threads, for no gain in speed (measured).
        parameters.flash_attn_type = self._library.LLAMA_FLASH_ATTN_TYPE_DISABLED
        parameters.no_perf = True
        context = self._library.llama_init_from_model(self._model, parameters)
        if not context:
            self._library.llama_model_free(self._model)
            raise OutOfMemoryError(
                f"llama.cpp cannot make a context of {self.max_sequences} sequences of "
                f"{self.context_length} tokens: {last_messages()}"
            )
        return context

    def _read_vocabulary(self) -> None:
        library = self._library
        self._vocab = vocab = library.llama_model_get_vocab(self._model)
        self.vocab_size = library.llama_vocab_n_tokens(vocab)
        every = range(self.vocab_size)
        attributes = np.array([library.llama_vocab_get_attr(vocab, token) for token in every])
        unused, control = library.LLAMA_TOKEN_ATTR_UNUSED, library.LLAMA_TOKEN_ATTR_CONTROL
        self._padding = np.flatnonzero(attributes & unused)
        hidden = unused | control | library.LLAMA_TOKEN_ATTR_UNKNOWN
        self._hidden = frozenset(np.flatnonzero(attributes & hidden).tolist())
        added = np.flatnonzero(attributes & library.LLAMA_TOKEN_ATTR_USER_DEFINED)
        self._added = frozenset(added.tolist())
        self._pieces: dict[int, bytes] = {}
        self.end_tokens = frozenset(t for t in every if library.llama_vocab_is_eog(vocab, t))
        first = library.llama_vocab_bos(vocab)
        self.prefix_tokens = (first,) if library.llama_vocab_get_add_bos(vocab) else ()
        template = library.llama_model_chat_template(self._model, None)
        if template:
            ends = (first, library.llama_vocab_eos(vocab))
            texts = ["" if t < 0 else self._piece(t).decode("utf-8", "replace") for t in ends]
            self.chat = ChatFormat(template.decode("utf-8", "replace"), *texts)

    def tokenize(self, text: str) -> list[int]:
        """Return the canonical tokens of ``text``, by llama.cpp's own tokenizer."""
        self._check_open()
        data = encode_text(text)
        room = len(data) + 8
        while True:
            tokens = (ctypes.c_int32 * room)()
            count: int = self._library.llama_tokenize(
                self._vocab, data, len(data), tokens, room, False, True
            )
            if count >= 0:
                return tokens[:count]
            room = -count

    def token_bytes(self, token: int) -> bytes:
        """Return the exact bytes of one token; empty for control tokens and padded rows."""
        self._check_token(token)
        return b"" if token in self._hidden else self._piece(token)

    def _piece(self, token: int) -> bytes:
        piece = self._pieces.get(token)
        if piece is None:
            piece = self._pieces[token] = self._read_piece(token)
        return piece

    def _read_piece(self, token: int) -> bytes:
        room = 64
        while True:
            buffer = ctypes.create_string_buffer(room)
            size = self._library.llama_token_to_piece(self._vocab, token, buffer, room, 0, True)
            if size >= 0:
                return buffer.raw[:size]
            room = -size

    def _make_constraint_tokenizer(self) -> Any:
        # Not llguidance.llamacpp: what that makes calls into the vocabulary even when it is freed.
        padding = set(self._padding.tolist())
        pieces = [b"" if t in padding else self._piece(t) for t in range(self.vocab_size)]
        special = self._hidden | {t for t in self._added if looks_special(pieces[t])}
        return wrap_vocabulary(pieces, sorted(special), sorted(self.end_tokens), self.tokenize)

    def _append(self, rows: Rows) -> Logits:
        logits = np.empty((len(rows), self.vocab_size), dtype=np.float32)
        try:
            self._evaluate_into(logits, rows)
        except BaseException:
            for sequence, _ in rows:
                self._cut(sequence, self._lengths[sequence])
            raise
        if len(self._padding):
            logits[:, self._padding] = -np.inf
        return logits

    def _evaluate_into(self, logits: Logits, rows: Rows) -> None:
        """Decode all rows' tokens in batches of at most ``BATCH_SIZE``; one batch may end in the
        middle of a row."""
        # Plain lists: for a token a row, numpy's calls would cost more than all else that is ours.
        cells, lasts = [], {}
        for row, (sequence, tokens) in enumerate(rows):
            first = self._lengths[sequence]
            cells += [(token, first + at, sequence) for at, token in enumerate(tokens)]
            lasts[len(cells) - 1] = row
        for start in range(0, len(cells), BATCH_SIZE):
            part = cells[start : start + BATCH_SIZE]
            outputs = [at for at in range(len(part)) if start + at in lasts]
            self._batch.fill(part, outputs)
            self._decode()
            for at in outputs:
                logits[lasts[start + at]] = self._outputs.row(self._context, at)

    def _decode(self) -> None:
        code = self._library.llama_decode(self._context, self._batch.struct)
        if code == 1:
            raise OutOfMemoryError(
                "llama.cpp found no room in its cache; open the model with more max_sequences"
            )
        if code:
            raise ModelError(f"llama.cpp could not evaluate (code {code}): {last_messages()}")

    def _copy(self, source: int, target: int) -> None:
        self._cut(target, 0)
        self._library.llama_memory_seq_cp(self._memory, source, target, -1, -1)

    def _cut(self, sequence: int, length: int) -> None:
        self._library.llama_memory_seq_rm(self._memory, sequence, length, -1)

    def set_threads(self, threads: int) -> None:
        """Compute with so many threads from now on."""
        self._check_open()
        self._library.llama_set_n_threads(self._context, threads, threads)

    def _free(self) -> None:
        self._library.llama_free(self._context)
        self._library.llama_model_free(self._model)
