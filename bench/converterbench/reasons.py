"""Why a key or a tensor may differ."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

USER_DEFINED, CONTROL = 4, 3
SINGLE_PRECISION = 2e-7

REASONS = {
    r"general\.size_label": "a label for people, which nothing reads",
    r"\w+\.attention\.(key|value)_length": "said by us even where it is width over heads, "
    "which llama.cpp takes without it",
    r"\w+\.rope\.dimension_count": "said by us even where it is the width of a head, which "
    "llama.cpp takes without it",
    r"\w+\.vocab_size": "said by us for every architecture; llama.cpp counts the tokens without it",
    r"tokenizer\.ggml\.add_bos_token": "said by us also where it is false: without it, llama.cpp "
    "goes by the name of the splitting, and adds one for llama-bpe",
    r"tokenizer\.ggml\.token_type": "added tokens that Hugging Face does not call special are "
    "user-defined; they take those that look special, like <|diff|>, for control tokens, whose "
    "text llama.cpp leaves out",
    r"rope_freqs\.weight": "computed in double precision by us, in single by them",
}
"""By an expression for names of keys and tensors."""


def reason_for(name: str, ours: Any, theirs: Any) -> str | None:
    """Return why ``name`` differs, or None where that is not known, or would not explain it.

    Of a key, the values are its type and its content; of a tensor, its type, shape and bytes.
    """
    if ours is not None and theirs is not None and not _explained(name, ours, theirs):
        return None
    if "rope_freqs" in name and (ours is None or theirs is None):
        return None
    return next((why for pattern, why in REASONS.items() if re.fullmatch(pattern, name)), None)


def _explained(name: str, ours: Any, theirs: Any) -> bool:
    """Tell whether values that both have differ in nothing but what the reason says."""
    if name.endswith(".token_type"):
        pairs = {pair for pair in zip(ours[1], theirs[1], strict=False) if pair[0] != pair[1]}
        return len(ours[1]) == len(theirs[1]) and pairs == {(USER_DEFINED, CONTROL)}
    if name == "rope_freqs.weight":
        return ours[:2] == theirs[:2] and largest_difference(ours, theirs) < SINGLE_PRECISION
    return False


def largest_difference(ours: Any, theirs: Any) -> float:
    """Return by how much two tensors of float32 differ at most, of the larger's largest."""
    left, right = (np.frombuffer(value[-1], np.float32) for value in (ours, theirs))
    return float(np.abs(left - right).max() / np.abs(right).max())
