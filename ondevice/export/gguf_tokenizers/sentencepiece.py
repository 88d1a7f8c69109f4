"""SentencePiece's BPE with byte fallback, as of Llama 2, Mistral, Phi-3 and Gemma."""

from __future__ import annotations

import re
from typing import Any

from ondevice.errors import ModelFormatError
from ondevice.export.checkpoint import Checkpoint
from ondevice.export.gguf_tokenizers.base import (
    BYTE,
    UNKNOWN,
    GGUFTokenizer,
    adds_bos,
    special_ids,
    vocabulary,
)

SPACE = "▁"
_BYTE = re.compile(r"<0x[0-9A-F]{2}>")
_NEVER = -1e9
"""The score of a token that no merge makes."""


def read_sentencepiece(checkpoint: Checkpoint) -> GGUFTokenizer:
    """Translate a BPE that falls back to bytes.

    llama.cpp joins the pair with the best score first, Hugging Face the one whose merge stands
    first: so the score of a token is the place of the first merge that makes it, negated. Raises
    ``ModelFormatError`` where GGUF cannot express it.
    """
    model = checkpoint.tokenizer["model"]
    prefix = _has_space_prefix(checkpoint)
    tokens, types = vocabulary(checkpoint)
    for token, text in enumerate(tokens):
        if _BYTE.fullmatch(text):
            types[token] = BYTE
    if model.get("unk_token") in model["vocab"]:
        types[model["vocab"][model["unk_token"]]] = UNKNOWN
    scores = [_NEVER] * len(tokens)
    for rank, merge in enumerate(model["merges"]):
        first, second = merge.split(" ") if isinstance(merge, str) else merge
        token = model["vocab"][first + second]
        scores[token] = max(scores[token], float(-rank))
    bos, eos = special_ids(checkpoint)
    return GGUFTokenizer(
        *("llama", "default", tokens, types, bos, eos, adds_bos(checkpoint)),
        scores=scores,
        add_space_prefix=prefix,
    )


def _has_space_prefix(checkpoint: Checkpoint) -> bool:
    state = checkpoint.tokenizer
    steps = _steps(state["normalizer"], "normalizers") + _steps(
        state["pre_tokenizer"], "pretokenizers"
    )
    prefix = replaced = False
    for step in steps:
        kind = step["type"]
        if kind == "Prepend" and step["prepend"] == SPACE:
            prefix = True
        elif kind == "Replace" and step["content"] == SPACE and step["pattern"] == {"String": " "}:
            replaced = True
        elif kind == "Metaspace":
            prefix, replaced = step.get("prepend_scheme", "always") != "never", True
        elif kind != "Split" or step["pattern"] != {"String": " "}:
            raise ModelFormatError(
                f"{checkpoint.folder}: the tokenizer changes a text by {step}, which cannot be "
                "exported to GGUF"
            )
    if not replaced:
        raise ModelFormatError(
            f"{checkpoint.folder}: the tokenizer does not write spaces as {SPACE!r}, which cannot "
            "be exported to GGUF"
        )
    return prefix


def _steps(part: dict[str, Any] | None, key: str) -> list[dict[str, Any]]:
    return [] if part is None else list(part.get(key, [part]))
