"""Differences from llama.cpp's converter are told, and a reason covers no more than it says."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from converter import differences
from converterbench.reasons import reason_for


def tensor(*values: float) -> tuple[Any, ...]:
    return "F32", (len(values),), np.array(values, dtype=np.float32).tobytes()


def test_what_one_side_lacks_and_what_differs() -> None:
    ours = {"a": ("STRING", "x"), "llama.vocab_size": ("UINT32", 640), "same": ("UINT32", 1)}
    theirs = {"a": ("STRING", "y"), "new": ("BOOL", True), "same": ("UINT32", 1)}
    found = {row["name"]: row for row in differences("metadata", ours, theirs)}
    assert found.keys() == {"a", "llama.vocab_size", "new"}
    assert found["new"]["ours"] == "absent"
    assert [found[name]["reason"] is None for name in ("a", "llama.vocab_size", "new")] == [
        *(True, False, True)
    ]


def test_types_of_tokens_are_explained_only_for_added_ones() -> None:
    name = "tokenizer.ggml.token_type"
    assert reason_for(name, ("ARRAY", [1, 4, 4]), ("ARRAY", [1, 3, 4]))
    assert reason_for(name, ("ARRAY", [1, 4, 4]), ("ARRAY", [3, 3, 4])) is None
    assert reason_for(name, ("ARRAY", [1, 4]), ("ARRAY", [1, 3, 4])) is None


def test_factors_are_explained_only_by_rounding() -> None:
    name = "rope_freqs.weight"
    assert reason_for(name, tensor(1.0, 2.0), tensor(1.0, 2.0000002))
    assert reason_for(name, tensor(1.0, 2.0), tensor(1.0, 2.001)) is None
    assert reason_for(name, tensor(1.0, 2.0), None) is None
