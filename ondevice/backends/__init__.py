"""What computes logits: ONNX Runtime or llama.cpp, chosen by the model's file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ondevice.backends.base import Backend, Logits
from ondevice.backends.files import find_weights
from ondevice.errors import RequestError
from ondevice.plugins import BACKENDS, find_plugin

__all__ = ["Backend", "Logits", "open_backend"]


def open_backend(
    path: str | os.PathLike[str],
    *,
    backend: str | None = None,
    context_length: int | None = None,
    max_sequences: int | None = None,
    threads: int | None = None,
) -> Backend:
    """Load the model at ``path``: a ``.gguf`` file, a ``.onnx`` file, or a folder with either.

    ``context_length`` is in tokens for each sequence, by default the trained one, or
    ``llama_cpp.DEFAULT_CONTEXT`` where that is less, since llama.cpp reserves all of its cache at
    once. ``max_sequences`` is as many as are thought useful (``machine.sequences_that_fit``) unless
    given, ``threads`` is chosen by ``machine.default_threads`` unless given. Raises
    ``ModelNotFoundError``, ``ModelFormatError``, ``DependencyError``, ``OutOfMemoryError``, and
    ``RequestError`` for parameters that this model does not allow.
    """
    if threads is not None and threads < 1:
        raise RequestError(f"threads must be at least 1, not {threads}")
    weights, name = find_weights(Path(path), backend)
    if name == "llama_cpp":
        from ondevice.backends.llama_cpp import LlamaCppBackend

        return LlamaCppBackend(
            weights, context_length=context_length, max_sequences=max_sequences, threads=threads
        )
    if name != "onnx":
        brought: Any = find_plugin(BACKENDS, name)
        opened: Backend = brought(
            weights, context_length=context_length, max_sequences=max_sequences, threads=threads
        )
        return opened
    from ondevice.backends.onnx import OnnxBackend

    return OnnxBackend(
        weights, context_length=context_length, max_sequences=max_sequences, threads=threads
    )
