"""What lies beside an ONNX graph: its tokenizer, and notes on its context and special tokens."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ondevice.backends.base import ChatFormat
from ondevice.errors import ModelFormatError

_PRINTABLE = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
_OTHERS = [byte for byte in range(256) if byte not in _PRINTABLE]
BYTE_LEVEL = {chr(byte): byte for byte in _PRINTABLE} | {
    chr(256 + place): byte for place, byte in enumerate(_OTHERS)
}
"""The bytes that the characters of a byte-level vocabulary stand for, as GPT-2 defined them."""


@dataclass(frozen=True, slots=True)
class ModelNotes:
    """What the graph itself does not say. ``end_tokens`` are texts; ids are token numbers."""

    context_length: int
    end_tokens: tuple[str, ...] = ()
    end_ids: tuple[int, ...] = ()
    head_size: int | None = None
    """Width of keys and values, for graphs whose builder leaves it open."""


def read_notes(folder: Path) -> ModelNotes:
    """Read ``ondevice.json``, or without one ``config.json`` and ``generation_config.json``.

    Raises ``ModelFormatError`` when they are missing, unreadable, or lack a context length.
    """
    manifest = _read_object(folder / "ondevice.json")
    config = _read_object(folder / "config.json")
    generation = _read_object(folder / "generation_config.json")
    context = manifest.get("context_length", config.get("max_position_embeddings"))
    if not isinstance(context, int) or context < 1:
        raise ModelFormatError(
            f"{folder} does not say how long the model's context is. Put `context_length` into "
            "ondevice.json, or the checkpoint's config.json beside the graph"
        )
    end = generation.get("eos_token_id", config.get("eos_token_id"))
    ids = tuple(end) if isinstance(end, list) else () if end is None else (end,)
    return ModelNotes(context, tuple(manifest.get("end_tokens", ())), ids, _head_size(config))


def _head_size(config: dict[str, Any]) -> int | None:
    size = config.get("head_dim")
    width, heads = config.get("hidden_size"), config.get("num_attention_heads")
    if size is None and isinstance(width, int) and isinstance(heads, int) and heads > 0:
        size = width // heads
    return size if isinstance(size, int) and size > 0 else None


def read_chat(folder: Path) -> ChatFormat | None:
    """Read the chat template of ``chat_template.jinja`` or ``tokenizer_config.json``, if any.

    Raises ``ModelFormatError`` when the files are damaged.
    """
    settings = _read_object(folder / "tokenizer_config.json")
    template = settings.get("chat_template")
    if isinstance(template, list):  # several, by name
        named = {entry.get("name"): entry.get("template") for entry in template}
        template = named.get("default")
    file = folder / "chat_template.jinja"
    if file.is_file():
        template = file.read_text(encoding="utf-8")
    if not isinstance(template, str):
        return None
    bos, eos = (_token_text(settings.get(name)) for name in ("bos_token", "eos_token"))
    return ChatFormat(template, bos, eos)


def load_tokenizer(path: Path) -> tuple[Any, str]:
    """Return the ``tokenizers.Tokenizer`` of a tokenizer.json, and the file's text.

    Raises ``ModelFormatError`` when it is damaged.
    """
    from tokenizers import Tokenizer

    try:
        text = path.read_text(encoding="utf-8")
        tokenizer = Tokenizer.from_str(text)
    except Exception as error:  # tokenizers raises plain Exception
        raise ModelFormatError(f"{path} is no tokenizer.json: {error}") from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer, text


def is_byte_level(tokenizer_text: str) -> bool:
    """Tell whether a tokenizer.json spells its vocabulary in the characters of ``BYTE_LEVEL``."""
    decoder = json.loads(tokenizer_text).get("decoder") or {}
    steps = decoder.get("decoders", [decoder])
    return any(step.get("type") == "ByteLevel" for step in steps)


def _token_text(entry: Any) -> str:
    text = entry.get("content") if isinstance(entry, dict) else entry
    return text if isinstance(text, str) else ""


def _read_object(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelFormatError(f"{path} is damaged: {error}") from error
    if not isinstance(content, dict):
        raise ModelFormatError(f"{path} is damaged: it holds no JSON object")
    return content
