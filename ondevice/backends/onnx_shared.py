"""Keys and values that a graph with fused attention appends to where they lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ondevice.backends.base import Logits
from ondevice.backends.common import Rows
from ondevice.backends.onnx_cache import Arrays

MARK = ("ondevice.cache", "in place")
"""The entry in a graph's metadata that says that its cache is written in place."""
_LEAST_ROOM = 64


class Buffer:
    """Room for some sequences' tokens, first token first; what is behind a row's is not looked
    at."""

    def __init__(self, arrays: Arrays) -> None:
        import onnxruntime

        self.arrays = arrays
        # They point to the arrays' own memory.
        self.values = [onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in arrays]

    def __len__(self) -> int:
        return int(self.arrays[0].shape[0])

    @property
    def room(self) -> int:
        """Tokens that each row has room for."""
        return int(self.arrays[0].shape[2])


Place = tuple[Buffer, int]
"""A buffer, and which of its rows."""


class SharedCache:
    """The places of sequences in buffers.

    A sequence is appended to in place while no other one has a place in its buffer and the whole
    buffer is appended to; otherwise its tokens are copied first. So forks share a row until one of
    them goes on, and what is truncated costs nothing.
    """

    def __init__(self, past: Sequence[str], empty: Arrays, context_length: int) -> None:
        """Keep the inputs named ``past``; ``empty`` are arrays of one row without tokens."""
        self._past = past
        self._present = [name.replace("past_key_values", "present", 1) for name in past]
        self._empty = empty
        self._context_length = context_length
        self._places: dict[int, Place] = {}

    def append(
        self, session: Any, rows: Rows, lengths: Sequence[int], width: int, most: int
    ) -> Logits:
        """Append tokens to sequences of those ``lengths`` and return the logits, of shape
        (len(rows), width), after each one's last; at most ``most`` tokens at once."""
        logits = np.empty((len(rows), width), dtype=np.float32)
        together = [row for row, (_, tokens) in enumerate(rows) if len(tokens) == 1]
        groups = [together] if together else []
        # Several tokens at once only for one row: the operator counts them from one length.
        groups += [[row] for row, (_, tokens) in enumerate(rows) if len(tokens) > 1]
        for members in groups:
            sequences = [rows[row][0] for row in members]
            given = np.array([rows[row][1] for row in members], dtype=np.int64)
            held = np.array([lengths[sequence] for sequence in sequences])
            buffer = self._own(sequences, held, int(held.max()) + given.shape[1])
            for start in range(0, given.shape[1], most):
                part = given[:, start : start + most]
                logits[members] = self._run(session, part, held + start, buffer)
        return logits

    def copy(self, source: int, target: int) -> None:
        """Make ``target`` hold what ``source`` holds."""
        self._places.pop(target, None)
        if source in self._places:
            self._places[target] = self._places[source]

    def cut(self, sequence: int, length: int) -> None:
        """Let ``sequence`` hold so many tokens only: what is behind them is overwritten."""
        if not length:
            self._places.pop(sequence, None)

    def clear(self) -> None:
        """Forget all sequences."""
        self._places.clear()

    def _run(
        self, session: Any, tokens: NDArray[np.int64], held: NDArray[np.int64], buffer: Buffer
    ) -> Logits:
        after = held[:, None] + tokens.shape[1]
        mask = (np.arange(int(after.max())) < after).astype(np.int64)
        binding = session.io_binding()
        binding.bind_cpu_input("input_ids", np.ascontiguousarray(tokens))
        binding.bind_cpu_input("attention_mask", mask)
        for past, present, value in zip(self._past, self._present, buffer.values, strict=True):
            binding.bind_ortvalue_input(past, value)
            binding.bind_ortvalue_output(present, value)
        binding.bind_output("logits")
        session.run_with_iobinding(binding)
        found: Logits = binding.get_outputs()[-1].numpy()[:, -1]
        return found

    def _own(self, sequences: Sequence[int], held: NDArray[np.int64], room: int) -> Buffer:
        """Return a buffer of these sequences alone, in this order, with room for so many tokens."""
        places = [self._places.get(sequence) for sequence in sequences]
        buffer = places[0][0] if places[0] else None
        alone = buffer is not None and all(
            sequence in sequences
            for sequence, (other, _) in self._places.items()
            if other is buffer
        )
        whole = buffer is not None and places == [(buffer, row) for row in range(len(buffer))]
        if buffer is None or not (alone and whole and buffer.room >= room):
            buffer = self._gathered(places, held, room)
            self._places |= {sequence: (buffer, row) for row, sequence in enumerate(sequences)}
        return buffer

    def _gathered(
        self, places: Sequence[Place | None], held: NDArray[np.int64], room: int
    ) -> Buffer:
        size = _LEAST_ROOM
        while size < room:
            size *= 2
        size = max(room, min(size, self._context_length))
        arrays = []
        for number, like in enumerate(self._empty):
            joined = np.zeros((len(places), like.shape[1], size, like.shape[3]), like.dtype)
            for row, (place, length) in enumerate(zip(places, held, strict=True)):
                if place is not None:
                    source, at = place
                    joined[row, :, :length] = source.arrays[number][at, :, :length]
            arrays.append(joined)
        return Buffer(arrays)
