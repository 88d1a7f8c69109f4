"""A byte-level BPE tokenizer.json in GGUF's terms: tokens by id, their types, merges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ondevice.errors import ModelFormatError
from ondevice.export.checkpoint import Checkpoint

# GGUF's token types.
NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5

_DIGITS = {"type": "Digits", "individual_digits": True}
_GPT2 = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}
# What splits the text before BPE, as tokenizer.json lists it -> llama.cpp's name for the same.
_PRE_TOKENIZERS = (([_GPT2], "gpt-2"), ([_DIGITS, _GPT2], "smollm"))


@dataclass(frozen=True, slots=True)
class GGUFTokenizer:
    """``tokens`` and ``types`` by token id, padded to the rows of the embedding."""

    pre: str
    tokens: list[str]
    types: list[int]
    merges: list[str]
    bos: int | None
    eos: int | None


def read_tokenizer(checkpoint: Checkpoint) -> GGUFTokenizer:
    """Translate the checkpoint's tokenizer; ``ModelFormatError`` where GGUF cannot express it."""
    state, model = checkpoint.tokenizer, checkpoint.tokenizer["model"]
    _check_expressible(checkpoint)
    rows = checkpoint.config["vocab_size"]
    # Rows that only pad the embedding; as UNUSED they are biased out when the model runs.
    tokens = [f"[PAD{token}]" for token in range(rows)]
    types = [UNUSED] * rows
    added = {entry["content"]: entry["id"] for entry in state["added_tokens"]}
    special = {entry["id"] for entry in state["added_tokens"] if entry["special"]}
    for text, token in {**model["vocab"], **added}.items():
        if token >= rows:
            raise ModelFormatError(
                f"{checkpoint.folder}: the token {text!r} has the id {token}, but the embedding "
                f"has only {rows} rows"
            )
        tokens[token] = text
        types[token] = NORMAL
    for token in added.values():
        types[token] = CONTROL if token in special else USER_DEFINED
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
    ids = {**model["vocab"], **added}
    settings = checkpoint.tokenizer_settings
    bos, eos = (_token_id(settings.get(name), ids) for name in ("bos_token", "eos_token"))
    return GGUFTokenizer(_recognize_pre(checkpoint), tokens, types, merges, bos, eos)


def _check_expressible(checkpoint: Checkpoint) -> None:
    state, model = checkpoint.tokenizer, checkpoint.tokenizer["model"]
    complaint = None
    if model["type"] != "BPE" or model.get("byte_fallback") or model.get("ignore_merges"):
        complaint = "is no plain byte-level BPE"
    elif state["normalizer"] is not None:
        complaint = "has a normalizer"
    elif (state["post_processor"] or {"type": "ByteLevel"})["type"] != "ByteLevel":
        complaint = "adds tokens to a text"
    elif any(entry["lstrip"] or entry["rstrip"] for entry in state["added_tokens"]):
        complaint = "has added tokens that swallow the spaces around them"
    if complaint:
        raise ModelFormatError(
            f"{checkpoint.folder}: the tokenizer {complaint}, which cannot be exported to GGUF"
        )


def _recognize_pre(checkpoint: Checkpoint) -> str:
    pre: dict[str, Any] = checkpoint.tokenizer["pre_tokenizer"] or {}
    steps = pre.get("pretokenizers", [pre])
    for expected, name in _PRE_TOKENIZERS:
        if len(steps) == len(expected) and all(
            want.items() <= step.items() for want, step in zip(expected, steps, strict=True)
        ):
            return name
    raise ModelFormatError(
        f"{checkpoint.folder}: llama.cpp has no name that is known here for the pre-tokenizer {pre}"
    )


def _token_id(entry: Any, ids: dict[str, int]) -> int | None:
    text = entry.get("content") if isinstance(entry, dict) else entry
    return ids.get(text) if isinstance(text, str) else None
