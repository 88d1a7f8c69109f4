"""What is measured, and on which of a model's files."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ondevice.backends.files import SUFFIXES, find_weights
from ondevice.catalogue import resolve
from ondevice.catalogue.manifest import sha256_of
from ondevice.errors import DependencyError, RequestError

REQUESTS = (
    "write fizzbuzz",
    "Write a function count_words(text) that returns a dictionary from every word of the text to "
    "how often it occurs. Words are separated by white space; commas, full stops, question marks "
    "and exclamation marks at their ends do not belong to them, and capitals count as small "
    "letters. For an empty text the dictionary is empty.",
    "Write a class Stack with the methods push(item), pop(), peek(), is_empty() and size(). The "
    "item that was pushed last is popped first; pop and peek raise an IndexError with the message "
    "'the stack is empty' when there is nothing on the stack. Give the class and each of its "
    "methods a short docstring.",
)
"""A short one, and two that are longer than the grid on which a prefix is used again."""
_PACKAGES = {"llama_cpp": "llama_cpp", "onnx": "onnxruntime"}


@dataclass(frozen=True, slots=True)
class LatencyPlan:
    """``prompt``, ``generate`` and ``depths`` are tokens, as llama-bench's ``-p``, ``-n`` and
    ``-d``; what does not fit the model's context is made shorter, and named by what it is.

    ``repetitions`` are rounds, each of which measures everything once. ``widths`` are the numbers
    of samples in a batch whose speed is taken; ``requests`` are written greedily for the latencies.
    """

    prompt: int = 512
    generate: int = 128
    depths: tuple[int, ...] = (0, 512)
    repetitions: int = 8
    threads: tuple[int | None, ...] = (None,)
    widths: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    requests: tuple[str, ...] = REQUESTS
    max_tokens: int = 256

    def __post_init__(self) -> None:
        """Raise ``RequestError`` for numbers that measure nothing."""
        for name in ("prompt", "generate", "repetitions", "max_tokens"):
            if getattr(self, name) < 1:
                raise RequestError(f"{name} must be at least 1, not {getattr(self, name)}")
        if any(depth < 0 for depth in self.depths) or any(width < 1 for width in self.widths):
            raise RequestError("depths must be 0 or more, widths 1 or more")


@dataclass(frozen=True, slots=True)
class Variant:
    """One file of a model, by one backend, with a number of threads (None: the default)."""

    file: Path
    backend: str
    quantization: str
    threads: int | None

    @property
    def bytes(self) -> int:
        """Size of the file."""
        return self.file.stat().st_size

    @property
    def is_quantized(self) -> bool:
        """Whether its weights are integers, which may be multiplied as such."""
        return not re.match(r"(b?f|fp)\d+", self.quantization, re.IGNORECASE)

    def describe(self) -> dict[str, Any]:
        """Return what tells the variant from others, as a document has it."""
        return {
            "label": self.label,
            "file": self.file.name,
            "sha256": sha256_of(self.file),
            "backend": self.backend,
            "quantization": self.quantization,
            "bytes": self.bytes,
        }

    @property
    def label(self) -> str:
        """What the variant is called in tables."""
        return f"{self.backend} {self.quantization}" + (
            "" if self.threads is None else f", {self.threads} threads"
        )


def find_variants(
    model: str | None, backend: str | None, threads: tuple[int | None, ...]
) -> tuple[str, list[Variant]]:
    """Return a model's name and the variants of it that this machine can run.

    Raises ``DependencyError`` when no backend for its files is installed, and what ``resolve``
    raises.
    """
    source = resolve(model)
    path, manifest = source.path, source.manifest
    if manifest and path.is_dir():
        weights = [file for file in manifest.files if file.backend]
        files = [(path / file.path, str(file.backend), file.quantization or "") for file in weights]
    else:
        file, found = find_weights(path, backend)
        files = [(file, found, file.stem.rpartition("-")[2])]
    files = [one for one in files if backend in (None, one[1])]
    if not files:
        raise RequestError(f"{path} has no weights for the backend {backend!r}")
    usable = [one for one in files if importlib.util.find_spec(_PACKAGES[one[1]])]
    if not usable:
        raise DependencyError(
            f"nothing that is installed reads {', '.join(one[0].name for one in files)}; GGUF "
            "needs pip install 'ondevice[gguf]'"
        )
    return source.name, [Variant(*one, count) for one in usable for count in threads]


assert set(_PACKAGES) == set(SUFFIXES.values())
