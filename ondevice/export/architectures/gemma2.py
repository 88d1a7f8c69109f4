"""Gemma 2: norms whose weights are counted from 1, soft caps, every second layer with a window."""

from __future__ import annotations

from ondevice.errors import ModelFormatError
from ondevice.export.architectures.base import Architecture, Config, Tensor, Value, rms_shape


def _metadata(config: Config) -> dict[str, Value]:
    width, heads = config["head_dim"], config["num_attention_heads"]
    # llama.cpp scales by the head's width, except in the largest model, where it divides.
    usual = config["hidden_size"] // heads if config["num_hidden_layers"] == 46 else width
    if config.get("query_pre_attn_scalar", width) != usual:
        raise ModelFormatError(
            "llama.cpp scales Gemma 2's queries by the width of a head, "
            f"{usual}; this one has query_pre_attn_scalar {config['query_pre_attn_scalar']}"
        )
    activation = config.get("hidden_activation") or config.get("hidden_act")
    if activation != "gelu_pytorch_tanh":
        raise ModelFormatError(f"llama.cpp has no Gemma 2 with the activation {activation!r}")
    return rms_shape(config) | {
        "attn_logit_softcapping": float(config["attn_logit_softcapping"]),
        "final_logit_softcapping": float(config["final_logit_softcapping"]),
        "attention.sliding_window": config["sliding_window"],
    }


def _transform(name: str, tensor: Tensor, config: Config) -> Tensor:
    return tensor + 1 if name.endswith("norm.weight") else tensor


GEMMA2 = Architecture("gemma2", _metadata, _transform)
