"""Logits from ONNX graphs with a key-value cache: ONNX Runtime, numpy and tokenizers."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ondevice.backends.base import Logits
from ondevice.backends.common import (
    Rows,
    SequenceBackend,
    check_context,
    encode_text,
    looks_special,
    wrap_vocabulary,
)
from ondevice.backends.files import require_beside
from ondevice.backends.machine import (
    check_memory,
    default_threads,
    sequences_that_fit,
    usable_cores,
)
from ondevice.backends.onnx_cache import Block, Place, gathered
from ondevice.backends.onnx_files import ModelNotes, read_chat, read_notes
from ondevice.backends.onnx_graph import check_graph
from ondevice.backends.onnx_shared import MARK, SharedCache
from ondevice.backends.tokenizer_file import BYTE_LEVEL, encode, load_tokenizer
from ondevice.errors import ModelError, ModelFormatError, OutOfMemoryError, RequestError

# onnxruntime 1.29 and later writes a device id into the user's cache folder unless told not to,
# and only a variable that is set before its import stops it.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnxruntime

CHUNK_SIZE = 256
"""Tokens of one run. The graph returns logits for all of them, so this bounds their memory."""
_DTYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
_MOST_WIDTH = 2**22
_FATAL = 4  # onnxruntime's own messages below this go to nowhere; errors are raised anyway


class OnnxBackend(SequenceBackend):
    """An ONNX graph as optimum exports it, with ``tokenizer.json`` beside it.

    Sequences that get equally many tokens are evaluated as one batch.
    """

    name = "onnx"

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
        # The cache grows as it is used: no room is taken for sequences that nobody needs.
        max_sequences = sequences_that_fit(max_sequences, 0)
        if max_sequences < 1:
            raise RequestError(f"max_sequences is {max_sequences}; it must be at least 1")
        read = load_tokenizer(require_beside(path, "tokenizer.json"))
        self._tokenizer, self._tokenizer_text, self._byte_level = read[:3]
        self.prefix_tokens = read.prefix
        notes = read_notes(path.parent)
        context_length = check_context(context_length, notes.context_length, notes.context_length)
        super().__init__(context_length=context_length, max_sequences=max_sequences)
        self._read_vocabulary(path, notes)
        self.chat = read_chat(path.parent)
        self._path = path
        self._open(threads or default_threads(path.stat().st_size))
        self._read_graph(path, notes.head_size, read.size)
        self._moving = threading.Lock()
        self._places: dict[int, Place] = dict.fromkeys(range(max_sequences), (self._empty, 0))

    def _read_vocabulary(self, path: Path, notes: ModelNotes) -> None:
        tokenizer = self._tokenizer
        texts = notes.end_tokens or ("<|endoftext|>",)
        named = [tokenizer.token_to_id(text) for text in texts]
        ids = notes.end_ids if notes.end_ids and not notes.end_tokens else named
        self.end_tokens = frozenset(token for token in ids if token is not None)
        if not self.end_tokens:
            raise ModelFormatError(
                f"{path.parent} names no token that ends a text and that its tokenizer knows; "
                "put one into `end_tokens` of ondevice.json"
            )
        self._added = tokenizer.get_added_tokens_decoder()
        self._pieces: dict[int, bytes] = {}

    def _read_graph(self, path: Path, head_size: int | None, tokens: int) -> None:
        try:
            inputs, outputs = (
                {item.name: item for item in items if item.shape is not None}
                for items in (self._session.get_inputs(), self._session.get_outputs())
            )
        except UnicodeDecodeError as error:
            raise ModelFormatError(f"{path} is damaged: a name in it is no text") from error
        past = [name for name in inputs if name.startswith("past_key_values.")]
        present = [name.replace("past_key_values", "present", 1) for name in past]
        unknown = inputs.keys() - {"input_ids", "attention_mask", "position_ids", *past}
        missing = {"input_ids", "attention_mask"} - inputs.keys()
        missing |= {"logits", *present} - outputs.keys()
        width = outputs["logits"].shape[-1:] if "logits" in outputs else []
        if not past or unknown or missing or not _are_sizes(width):
            raise ModelFormatError(
                f"{path} is no decoder with a key-value cache as optimum exports it (its task is "
                f"`text-generation-with-past`); its inputs are {', '.join(inputs)}"
            )
        self._takes_positions = "position_ids" in inputs
        self._past, self._outputs = past, ["logits", *present]
        empty = [self._no_past(inputs[name], head_size, path) for name in past]
        self._empty = Block(empty, [0])
        widths = [array.shape[1] * array.shape[3] * array.itemsize for array in empty]
        self.cache_bytes_per_token = sum(widths)
        key, value = MARK
        marked = self._session.get_modelmeta().custom_metadata_map.get(key) == value
        self._shared = SharedCache(past, empty, self.context_length) if marked else None
        self.vocab_size = width[0]
        if max(tokens - 1, *self.end_tokens) >= self.vocab_size:
            raise ModelFormatError(
                f"{path} has logits for {self.vocab_size:,} tokens, but tokenizer.json beside it "
                f"has {tokens:,}: they are not of the same model"
            )
        self._padding = [
            token for token in range(self.vocab_size) if self._tokenizer.id_to_token(token) is None
        ]

    def _no_past(self, item: Any, head_size: int | None, path: Path) -> NDArray[Any]:
        """Return the keys or values of no token: batch, heads, tokens, width."""
        heads, width = item.shape[1:4:2] if len(item.shape) == 4 else (None, None)
        if not isinstance(width, int):  # as onnxruntime-genai's builder leaves it
            width = head_size
        shape: Any = (1, heads, 0, width)
        if not _are_sizes((heads, width)) or item.type not in _DTYPES:
            raise ModelFormatError(
                f"{path}: {item.name} has the shape {item.shape} and the type {item.type}; the "
                "number of heads must be fixed, their size too (or `head_dim` be in config.json "
                "beside the graph), and the type float or float16"
            )
        return np.zeros(shape, _DTYPES[item.type])

    def tokenize(self, text: str) -> list[int]:
        """Return the canonical tokens of ``text``."""
        self._check_open()
        encode_text(text)
        return encode(self._tokenizer, text)

    def token_bytes(self, token: int) -> bytes:
        """Return the exact bytes of one token; empty for control tokens and padded rows."""
        self._check_token(token)
        piece = self._pieces.get(token)
        if piece is None:
            piece = self._pieces[token] = self._read_piece(token)
        return piece

    def _read_piece(self, token: int) -> bytes:
        entry = self._added.get(token)
        if entry is not None:
            return b"" if entry.special else bytes(entry.content.encode())
        text = self._tokenizer.id_to_token(token)
        if text is None:
            return b""
        if self._byte_level:
            return bytes(BYTE_LEVEL[character] for character in text)
        return bytes(self.constraint_tokenizer().decode_bytes([token]))

    def _make_constraint_tokenizer(self) -> Any:
        import llguidance

        tokenizer = llguidance.LLTokenizer(
            self._tokenizer_text, n_vocab=self.vocab_size, eos_token=sorted(self.end_tokens)
        )
        if not self._byte_level or all(
            tokenizer.decode_bytes([token]) == entry.content.encode()
            for token, entry in self._added.items()
            if not entry.special
        ):
            return tokenizer
        # llguidance takes the letters of added tokens for a byte-level alphabet's, too, and so an
        # "é" in one of them for half a character.
        pieces = [
            (self._added[token].content.encode() if token in self._added else b"")
            or self.token_bytes(token)
            for token in range(self.vocab_size)
        ]
        special = [t for t, e in self._added.items() if e.special or looks_special(pieces[t])]
        ends = sorted(self.end_tokens)
        return wrap_vocabulary(pieces, sorted(special), ends, self.tokenize)

    def _append(self, rows: Rows) -> Logits:
        if self._shared is None:
            logits = self._append_blocks(rows)
        else:
            with _failures_told():
                logits = self._shared.append(
                    self._session, rows, self._lengths, self.vocab_size, CHUNK_SIZE
                )
        logits[:, self._padding] = -np.inf
        return logits

    def _append_blocks(self, rows: Rows) -> Logits:
        groups: dict[tuple[int, int], list[int]] = defaultdict(list)
        for row, (sequence, tokens) in enumerate(rows):
            # Without positions, the graph counts them from the cache, which must not be filled up.
            past = 0 if self._takes_positions else self._lengths[sequence]
            groups[past, len(tokens)].append(row)
        logits = np.empty((len(rows), self.vocab_size), dtype=np.float32)
        grown: dict[int, Place] = {}
        for members in groups.values():
            sequences = [rows[row][0] for row in members]
            given = np.array([rows[row][1] for row in members], dtype=np.int64)
            logits[members], block = self._run_chunks(sequences, given)
            grown |= {sequence: (block, place) for place, sequence in enumerate(sequences)}
        with self._moving:
            left = [self._places[sequence][0] for sequence in grown]
            self._places |= grown
            self._part_from(left)
        return logits

    def _run_chunks(self, sequences: list[int], tokens: NDArray[np.int64]) -> tuple[Logits, Block]:
        """Return the logits after the last of ``tokens`` (rows, count), and the grown cache."""
        block = gathered([self._places[sequence] for sequence in sequences])
        for start in range(0, tokens.shape[1], CHUNK_SIZE):
            logits, block = self._run(tokens[:, start : start + CHUNK_SIZE], block)
        return logits, block

    def _run(self, tokens: NDArray[np.int64], block: Block) -> tuple[Logits, Block]:
        count = tokens.shape[1]
        feeds = dict(zip(self._past, block.arrays, strict=True))
        feeds["input_ids"] = tokens
        feeds["attention_mask"] = block.mask(count)
        if self._takes_positions:
            feeds["position_ids"] = block.positions(count)
        with _failures_told():
            logits, *present = self._session.run(self._outputs, feeds)
        if logits.shape != (*tokens.shape, self.vocab_size):
            raise ModelFormatError(
                f"{self._path} gives logits of the shape {logits.shape} for {tokens.shape} tokens"
            )
        return logits[:, -1], block.grown(present, count)

    def _part_from(self, left: list[Block]) -> None:
        """Give sequences that others have left behind in a block one of their own.

        One that waits would otherwise keep the memory of the whole batch.
        """
        for sequence, (block, row) in self._places.items():
            if len(block) > 1 and any(block is other for other in left):
                self._places[sequence] = (block.row(row, self._lengths[sequence]), 0)

    def _copy(self, source: int, target: int) -> None:
        if self._shared is not None:
            self._shared.copy(source, target)
        else:
            self._places[target] = self._places[source]

    def _cut(self, sequence: int, length: int) -> None:
        if self._shared is not None:
            self._shared.cut(sequence, length)
            return
        block, row = self._places[sequence]
        # A copy, since a view would keep the whole array alive.
        self._places[sequence] = (block.row(row, length), 0)

    def set_threads(self, threads: int) -> None:
        """Compute with so many threads from now on: a session keeps to those it was made with."""
        self._check_open()
        self._open(threads)

    def _open(self, threads: int) -> None:
        self._session = _open_session(self._path, threads)
        # Runs of one session share its threads, but for the ones that they are called from.
        self.lanes = max(1, usable_cores() // threads)

    def _free(self) -> None:
        self._places.clear()
        if self._shared is not None:
            self._shared.clear()
        del self._session


@contextlib.contextmanager
def _failures_told() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # its exceptions share no base class
        kind = OutOfMemoryError if "alloc" in str(error) else ModelError
        raise kind(f"ONNX Runtime could not evaluate: {error}") from error


def _open_session(path: Path, threads: int) -> Any:
    size = path.stat().st_size + check_graph(path)
    check_memory(size, 0, "its cache, which grows as it is used,")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _FATAL
    try:
        # Without its fallback, which would tell on stdout that it tries the same once more.
        return onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"], enable_fallback=0
        )
    except Exception as error:  # its exceptions share no base class
        if "alloc" in str(error):
            raise OutOfMemoryError(f"{path} does not fit into memory: {error}") from error
        raise ModelFormatError(
            f"{path} is damaged or cannot be run: {error}. Download or export it again"
        ) from error


def _are_sizes(numbers: Any) -> bool:
    return bool(numbers) and all(type(n) is int and 0 < n <= _MOST_WIDTH for n in numbers)
