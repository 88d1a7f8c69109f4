"""StarCoder 2: layer norms, and biases everywhere."""

from __future__ import annotations

from ondevice.errors import ModelFormatError
from ondevice.export.architectures.base import (
    Architecture,
    Config,
    Value,
    linear_or_no_scaling,
    shape,
)


def _metadata(config: Config) -> dict[str, Value]:
    window = config.get("sliding_window")
    if window and window < config["max_position_embeddings"]:
        raise ModelFormatError(
            f"llama.cpp has no sliding window for StarCoder 2; this one is of {window} tokens"
        )
    epsilon = {"attention.layer_norm_epsilon": float(config["norm_epsilon"])}
    return shape(config) | epsilon | linear_or_no_scaling(config)


STARCODER2 = Architecture("starcoder2", _metadata)
