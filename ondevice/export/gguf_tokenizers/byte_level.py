"""Byte-level BPE, as of GPT-2, Llama 3, Qwen and OLMo."""

from __future__ import annotations

from typing import Any

from ondevice.errors import ModelFormatError
from ondevice.export.checkpoint import Checkpoint
from ondevice.export.gguf_tokenizers.base import (
    GGUFTokenizer,
    adds_bos,
    special_ids,
    vocabulary,
)

_DIGITS = {"type": "Digits", "individual_digits": True}
_GPT2 = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}
_BYTES = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}
# The expressions of Llama 3 and Qwen 2, as their tokenizer.json have them, but for the digits that
# they take together.
_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|{digits}"
    r"| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def _split(digits: str) -> dict[str, Any]:
    pattern = {"Regex": _WORDS.format(digits=digits)}
    return {"type": "Split", "pattern": pattern, "behavior": "Isolated", "invert": False}


# What splits the text before BPE, as tokenizer.json lists it -> llama.cpp's name for the same.
_PRE_TOKENIZERS = (
    ([_GPT2], "gpt-2"),
    ([_DIGITS, _GPT2], "smollm"),
    ([_split(r"\p{N}{1,3}"), _BYTES], "llama-bpe"),
    ([_split(r"\p{N}"), _BYTES], "qwen2"),
)


def read_byte_level(checkpoint: Checkpoint) -> GGUFTokenizer:
    """Translate a byte-level BPE; ``ModelFormatError`` where GGUF cannot express it.

    A normalizer to NFC, which Qwen and OLMo have, is left out, as llama.cpp has none: texts that
    are not in NFC already get other tokens than from Hugging Face.
    """
    model = checkpoint.tokenizer["model"]
    pre = _recognize_pre(checkpoint)
    _check_expressible(checkpoint, pre)
    tokens, types = vocabulary(checkpoint)
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
    bos, eos = special_ids(checkpoint)
    return GGUFTokenizer("gpt2", pre, tokens, types, bos, eos, adds_bos(checkpoint), merges)


def _check_expressible(checkpoint: Checkpoint, pre: str) -> None:
    state, model = checkpoint.tokenizer, checkpoint.tokenizer["model"]
    normalizer = state["normalizer"] or {}
    steps = normalizer.get("normalizers", [normalizer] if normalizer else [])
    complaint = None
    # llama.cpp ignores merges for whole words with Llama 3's pre-tokenizer, and no other.
    if model["type"] != "BPE" or bool(model.get("ignore_merges")) != (pre == "llama-bpe"):
        complaint = "is no plain byte-level BPE"
    elif any(step["type"] != "NFC" for step in steps):
        complaint = "has a normalizer"
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
