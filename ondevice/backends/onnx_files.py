"""What lies beside an ONNX graph: notes on its context, its special tokens, and its chats."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ondevice.backends.base import ChatFormat
from ondevice.errors import ModelFormatError
from ondevice.json_files import read_object, read_text

_MOST_CONTEXT = 2**31 - 1


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
    manifest = _read_if_there(folder / "ondevice.json")
    config = _read_if_there(folder / "config.json")
    generation = _read_if_there(folder / "generation_config.json")
    context = manifest.get("context_length", config.get("max_position_embeddings"))
    if type(context) is not int or not 1 <= context <= _MOST_CONTEXT:
        raise ModelFormatError(
            f"{folder} does not say how long the model's context is. Put `context_length` into "
            "ondevice.json, or the checkpoint's config.json beside the graph"
        )
    end = generation.get("eos_token_id", config.get("eos_token_id"))
    ids = end if isinstance(end, list) else [] if end is None else [end]
    texts = manifest.get("end_tokens", [])
    if not all(type(number) is int for number in ids) or not (
        isinstance(texts, list) and all(isinstance(text, str) for text in texts)
    ):
        raise ModelFormatError(f"{folder} names tokens that end a text, but not as tokens: {ids}")
    return ModelNotes(context, tuple(texts), tuple(ids), _head_size(config))


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
    settings = _read_if_there(folder / "tokenizer_config.json")
    template = settings.get("chat_template")
    if isinstance(template, list):  # several, by name
        entries = [entry for entry in template if isinstance(entry, dict)]
        named = (entry.get("template") for entry in entries if entry.get("name") == "default")
        template = next(named, None)
    file = folder / "chat_template.jinja"
    if file.exists():
        template = read_text(file)
    if not isinstance(template, str):
        return None
    bos, eos = (_token_text(settings.get(name)) for name in ("bos_token", "eos_token"))
    return ChatFormat(template, bos, eos)


def _token_text(entry: Any) -> str:
    text = entry.get("content") if isinstance(entry, dict) else entry
    return text if isinstance(text, str) else ""


def _read_if_there(path: Path) -> dict[str, Any]:
    return read_object(path) if path.exists() else {}
