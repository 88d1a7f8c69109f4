"""Tokenizers in GGUF's terms: a module for each kind of tokenizer.json."""

from __future__ import annotations

from ondevice.export.checkpoint import Checkpoint
from ondevice.export.gguf_tokenizers.base import GGUFTokenizer
from ondevice.export.gguf_tokenizers.byte_level import read_byte_level
from ondevice.export.gguf_tokenizers.sentencepiece import read_sentencepiece


def read_tokenizer(checkpoint: Checkpoint) -> GGUFTokenizer:
    """Translate the checkpoint's tokenizer; ``ModelFormatError`` where GGUF cannot express it."""
    if checkpoint.tokenizer["model"].get("byte_fallback"):
        return read_sentencepiece(checkpoint)
    return read_byte_level(checkpoint)


__all__ = ["GGUFTokenizer", "read_tokenizer"]
