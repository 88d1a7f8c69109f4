"""Llama, and what has its layout: Mistral, SmolLM.

Llama 3.1 stretches its rotary waves by a factor that depends on their length; llama.cpp takes the
factors as a tensor. Source of the formula: ``_compute_llama3_parameters`` of transformers.
"""

from __future__ import annotations

import math

import numpy as np

from ondevice.errors import ModelFormatError
from ondevice.export.architectures.base import (
    Architecture,
    Config,
    Tensor,
    Value,
    head_width,
    linear_or_no_scaling,
    rms_shape,
    scaling,
    with_permuted_heads,
)


def _metadata(config: Config) -> dict[str, Value]:
    if config.get("attention_bias") or config.get("mlp_bias"):
        raise ModelFormatError("a Llama with biases cannot be exported to GGUF")
    window = config.get("sliding_window")
    if window and window < config["max_position_embeddings"]:
        raise ModelFormatError(
            f"llama.cpp has no sliding window for this architecture; this one is of {window} tokens"
        )
    stretched = scaling(config)[0] == "llama3"
    return rms_shape(config) | ({} if stretched else linear_or_no_scaling(config))


def _computed(config: Config) -> dict[str, Tensor]:
    kind, settings = scaling(config)
    if kind != "llama3":
        return {}
    width = head_width(config)
    base, factor = float(config.get("rope_theta", 10000.0)), float(settings["factor"])
    low, high = float(settings["low_freq_factor"]), float(settings["high_freq_factor"])
    known = float(settings["original_max_position_embeddings"])
    factors = []
    for place in range(0, width, 2):
        wave = 2 * math.pi * base ** (place / width)
        # 1: a short wave stays as it is; 0: a long one is stretched in full.
        kept = min(1.0, max(0.0, (known / wave - low) / (high - low)))
        factors.append(1 / ((1 - kept) / factor + kept))
    return {"rope_freqs.weight": np.array(factors, dtype=np.float32)}


LLAMA = Architecture("llama", _metadata, with_permuted_heads, _computed)
