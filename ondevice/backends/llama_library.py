"""llama.cpp as a library: imported once, silent, its last messages kept to explain failures."""

from __future__ import annotations

import collections
import ctypes
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ondevice.errors import DependencyError

_WARNING, _ERROR = 3, 4  # ggml_log_level
_messages: collections.deque[str] = collections.deque(maxlen=8)
_callbacks: list[Any] = []  # ctypes does not keep alive what native code points to


@functools.cache
def load_library() -> Any:
    """Return the module ``llama_cpp.llama_cpp``, initialized, its log turned off.

    Raises ``DependencyError`` when it is not installed.
    """
    try:
        from llama_cpp import llama_cpp as library
    except ImportError as error:
        raise DependencyError(
            "GGUF models need llama-cpp-python, which is not installed or does not load "
            f"({error}). Install it with: pip install 'ondevice[gguf]'"
        ) from error
    callback = library.llama_log_callback(_keep_message)
    _callbacks.append(callback)
    library.llama_log_set(callback, None)
    library.llama_backend_init()
    return library


def last_messages() -> str:
    """Return and forget what llama.cpp complained about lately; empty when it did not."""
    text = "; ".join(message.strip() for message in _messages if message.strip())
    _messages.clear()
    return text


def _keep_message(level: int, text: bytes, _: Any) -> None:
    # Continuations are progress dots; what explains a failure comes in one piece.
    if level in (_WARNING, _ERROR):
        _messages.append(text.decode("utf-8", "replace"))


class Batch:
    """A ``llama_batch`` of up to ``size`` tokens whose arrays belong to numpy."""

    def __init__(self, library: Any, size: int) -> None:
        self._tokens = np.zeros(size, dtype=np.int32)
        self._positions = np.zeros(size, dtype=np.int32)
        self._sequences = np.zeros(size, dtype=np.int32)
        self._outputs = np.zeros(size, dtype=np.int8)
        # A token may belong to several sequences; ours belong to one each, found through a pointer.
        self._counts = np.ones(size, dtype=np.int32)
        self._pointers = self._sequences.ctypes.data + 4 * np.arange(size, dtype=np.uintp)
        self.struct = library.llama_batch()
        for field, array in (
            ("token", self._tokens),
            ("pos", self._positions),
            ("n_seq_id", self._counts),
            ("seq_id", self._pointers),
            ("logits", self._outputs),
        ):
            kind = dict(library.llama_batch._fields_)[field]
            setattr(self.struct, field, ctypes.cast(array.ctypes.data, kind))

    def fill(self, cells: Sequence[tuple[int, int, int]], outputs: Sequence[int]) -> None:
        """Take over tokens with their positions and sequences; ask for logits at ``outputs``."""
        self.struct.n_tokens = len(cells)
        for at, (token, position, sequence) in enumerate(cells):
            self._tokens[at] = token
            self._positions[at] = position
            self._sequences[at] = sequence
            self._outputs[at] = 0
        for at in outputs:
            self._outputs[at] = 1


class Outputs:
    """The logits of the last llama_decode, as views of llama.cpp's own memory."""

    def __init__(self, library: Any, width: int) -> None:
        # As a number, a pointer is had for a fraction of what ctypes takes to make one.
        function = ctypes.cast(library.llama_get_logits_ith, ctypes.c_void_p).value
        kind: Any = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int32)
        self._address = kind(function)
        self._row = ctypes.c_float * width
        self._views: dict[int, NDArray[np.float32]] = {}

    def row(self, context: Any, at: int) -> NDArray[np.float32]:
        """Return the logits after the token at a place of the batch, valid until the next one."""
        address = self._address(context, at)
        view = self._views.get(address)
        if view is None:
            view = np.ctypeslib.as_array(self._row.from_address(address))
            self._views[address] = view
        return view
