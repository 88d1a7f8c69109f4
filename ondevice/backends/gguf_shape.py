"""How large a GGUF model's parts are, by its metadata, and whether such a model can be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ondevice.backends.gguf_header import read_header
from ondevice.errors import ModelFormatError

BATCH_SIZE = 64
"""Tokens of one llama_decode: Python handles signals between two of them, and llama.cpp reserves
an attention score for each of them, each head, and each token that the cache can hold."""
# Keys and values are F16; scores are float32, once before and once after the softmax.
_CACHE_BYTES, _SCORE_BYTES = 2, 8
# llama.cpp ends the process above its own limits (LLAMA_MAX_LAYERS, LLAMA_MAX_EXPERTS).
_MOST_LAYERS, _MOST_EXPERTS = 512, 512
_MOST_HEADS, _MOST_WIDTH, _MOST_CONTEXT = 2**12, 2**20, 2**31 - 1
_ENCODERS = ("bert", "t5")
"""Tokenizers of models that read and do not write; what they hold is not checked here."""


def read_shape(path: Path, header: dict[str, Any] | None = None) -> tuple[int, int, int]:
    """Return the trained context length, and the bytes that room for one token takes: of its keys
    and values, and of scores.

    ``header`` is what ``read_header`` returned, where that is at hand. Raises ``ModelFormatError``
    as that does, and for metadata that no model has.
    """
    sizes = _Sizes(path, read_header(path) if header is None else header)
    trained = sizes.number("context_length", _MOST_CONTEXT)
    layers = sizes.number("block_count", _MOST_LAYERS)
    width = sizes.number("embedding_length", _MOST_WIDTH)
    heads = sizes.number_or_list("attention.head_count", layers)
    kv_heads = sizes.number_or_list("attention.head_count_kv", layers, heads)
    for name in ("expert_count", "expert_used_count"):
        sizes.number(name, _MOST_EXPERTS, 0, least=0)
    sizes.check_epsilons()
    if heads is None or kv_heads is None:
        # Heads that are listed layer by layer: each may have all of them.
        return trained, 2 * layers * width * _CACHE_BYTES, 0
    each = max(1, width // heads)
    key = sizes.number("attention.key_length", _MOST_WIDTH, each)
    value = sizes.number("attention.value_length", _MOST_WIDTH, each)
    cache = layers * kv_heads * (key + value) * _CACHE_BYTES
    return trained, cache, heads * BATCH_SIZE * _SCORE_BYTES


class _Sizes:
    """The metadata of one architecture, each number within what it can be."""

    def __init__(self, path: Path, metadata: dict[str, Any]) -> None:
        self._path, self._metadata = path, metadata
        architecture = metadata.get("general.architecture")
        if not isinstance(architecture, str):
            raise self._error("general.architecture is missing")
        if metadata.get("tokenizer.ggml.model") in _ENCODERS:
            raise self._error("its tokenizer is one of models that write no text")
        self._prefix = architecture + "."

    def number(self, name: str, most: int, default: int | None = None, *, least: int = 1) -> int:
        """Return a whole number of ``least`` to ``most``; a missing one is ``default``."""
        value = self._metadata.get(self._prefix + name, default)
        if value is None:
            raise self._error(f"{self._prefix}{name} is missing")
        if type(value) is not int or not least <= value <= most:
            shown = f"{value:,}" if type(value) is int else repr(value)[:40]
            raise self._error(f"{self._prefix}{name} is {shown}, not {least} to {most:,}")
        return value

    def number_or_list(self, name: str, length: int, default: int | None = -1) -> int | None:
        """Return a number of heads, or None where there is one for each of ``length`` layers.

        ``default`` stands in for a missing one, unless it is -1.
        """
        value = self._metadata.get(self._prefix + name, default)
        if value is None or isinstance(value, range):
            if value is not None and len(value) != length:
                raise self._error(f"{self._prefix}{name} has {len(value):,} items for {length}")
            return None
        return self.number(name, _MOST_HEADS, None if default == -1 else default)

    def check_epsilons(self) -> None:
        """Refuse what keeps norms from zero when it is below: llama.cpp would end the process."""
        for key, value in self._metadata.items():
            if key.endswith("_epsilon") and not (type(value) is float and 0 <= value < 1):
                raise self._error(f"{key} is {str(value)[:40]}, not 0 to 1")

    def _error(self, complaint: str) -> ModelFormatError:
        return ModelFormatError(f"{self._path} is no language model that can be run: {complaint}")
