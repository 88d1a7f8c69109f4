"""From a path that a user gives to the file of weights, and which backend reads it."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from ondevice.errors import ModelFormatError, ModelNotFoundError, RequestError
from ondevice.plugins import plugin_suffixes

_LATER_PART = re.compile(r"-(?!00001)\d{5}-of-\d{5}\.gguf$")
"""Files of a split model that the first of them leads to."""
SUFFIXES = {".gguf": "llama_cpp", ".onnx": "onnx"}
"""By the end of a file's name, the backend of ours that reads it."""


def find_weights(path: Path, backend: str | None) -> tuple[Path, str]:
    """Return the file of weights that ``path`` names or, as a folder, holds, and its backend.

    Of a folder's files those count that ``backend`` reads; without one, GGUF is preferred where
    llama-cpp-python is installed and ONNX otherwise. Of several, the smallest is taken: the more
    quantized, the faster. Raises ``ModelNotFoundError``, ``ModelFormatError`` or, for a
    ``backend`` that does not exist or does not read this file, ``RequestError``.
    """
    readers = _readers(path, backend)
    if backend not in (None, *readers.values()):
        there = ", ".join(sorted(readers.values()))
        raise RequestError(f"there is no backend {backend!r}; there are {there}")
    if not path.exists():
        raise ModelNotFoundError(f"there is no model at {path}")
    if path.is_dir():
        path = _find_in_folder(path, backend, readers)
    found = readers.get(path.suffix.lower())
    if found is None:
        raise ModelFormatError(
            f"{path} is neither a .gguf file, a .onnx file, nor a folder that holds one; export "
            "a checkpoint with `ondevice export`"
        )
    if backend not in (None, found):
        raise RequestError(f"{path} is read by the backend {found!r}, not by {backend!r}")
    if not path.is_file():
        raise ModelFormatError(f"{path} is no regular file")
    if not path.stat().st_size:
        raise ModelFormatError(f"{path} is empty. Download or export it again")
    return path, found


def require_beside(weights: Path, name: str) -> Path:
    """Return the path of the file ``name`` beside ``weights``.

    Raises ``ModelFormatError`` when it is missing.
    """
    path = weights.parent / name
    if not path.is_file():
        raise ModelFormatError(
            f"{weights.parent} has no {name}, which {weights.name} needs beside it. Copy it from "
            "where the model comes from, or export the model again with `ondevice export`"
        )
    return path


def _readers(path: Path, backend: str | None) -> dict[str, str]:
    """Return backends by what they read: those of other packages only where ours will not do."""
    ours = backend in SUFFIXES.values() or path.suffix.lower() in SUFFIXES
    if not ours and backend is None and path.is_dir():
        ours = any(file.suffix.lower() in SUFFIXES for file in path.iterdir())
    return SUFFIXES if ours and backend in (None, *SUFFIXES.values()) else plugin_suffixes(SUFFIXES)


def _find_in_folder(folder: Path, backend: str | None, readers: dict[str, str]) -> Path:
    files = [f for f in folder.iterdir() if f.suffix.lower() in readers and f.is_file()]
    files = [f for f in files if not _LATER_PART.search(f.name)]
    if backend is not None:
        files = [file for file in files if readers[file.suffix.lower()] == backend]
    if not files:
        wanted = " or ".join(s for s, name in readers.items() if backend in (None, name))
        raise ModelFormatError(
            f"{folder} holds no {wanted} file. If it is a Hugging Face checkpoint, turn it into a "
            f"model with `ondevice export {folder} FOLDER`"
        )
    preferred = ".gguf" if importlib.util.find_spec("llama_cpp") else ".onnx"
    return min(
        files,
        key=lambda file: (file.suffix.lower() != preferred, file.stat().st_size, file.name),
    )
