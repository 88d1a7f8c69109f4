"""OLMo (1), the architecture of TinyCodeLM: layer norms without weights, so that no tensor of them
is written."""

from __future__ import annotations

from ondevice.errors import ModelFormatError
from ondevice.export.architectures.base import (
    Architecture,
    Config,
    Value,
    linear_or_no_scaling,
    shape,
    with_permuted_heads,
)


def _metadata(config: Config) -> dict[str, Value]:
    if config.get("attention_bias"):
        raise ModelFormatError("an OLMo with biases cannot be exported to GGUF")
    values = shape(config) | {"attention.layer_norm_epsilon": 1e-5} | linear_or_no_scaling(config)
    if config.get("clip_qkv"):
        values["attention.clamp_kqv"] = float(config["clip_qkv"])
    return values


OLMO = Architecture("olmo", _metadata, with_permuted_heads)
