"""Phi-3: queries, keys and values in one matrix, gate and up in another, both kept as they are."""

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
    rms_shape,
    scaling,
)


def _metadata(config: Config) -> dict[str, Value]:
    known = config.get("original_max_position_embeddings") or config["max_position_embeddings"]
    rotated = int(head_width(config) * config.get("partial_rotary_factor", 1.0))
    values = rms_shape(config) | {
        "rope.dimension_count": rotated,
        "rope.scaling.original_context_length": known,
        # llama.cpp asks for it; 0 means that there is none.
        "attention.sliding_window": config.get("sliding_window") or 0,
    }
    kind, _ = scaling(config)
    if kind in ("longrope", "su"):
        stretch = config["max_position_embeddings"] / known
        factor = math.sqrt(1 + math.log(stretch) / math.log(known)) if stretch > 1 else 1.0
        values["rope.scaling.attn_factor"] = factor
    elif kind != "none":
        raise ModelFormatError(f"a Phi-3 with rope_scaling {kind!r} cannot be exported to GGUF")
    return values


def _computed(config: Config) -> dict[str, Tensor]:
    kind, settings = scaling(config)
    if kind not in ("longrope", "su"):
        return {}
    return {
        f"rope_factors_{length}.weight": np.array(settings[f"{length}_factor"], dtype=np.float32)
        for length in ("long", "short")
    }


PHI3 = Architecture("phi3", _metadata, computed=_computed)
