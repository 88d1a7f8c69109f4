"""GPT-NeoX: queries, keys and values are interleaved by heads, and written one after another."""

from __future__ import annotations

from ondevice.export.architectures.base import Architecture, Config, Tensor, Value, shape


def _metadata(config: Config) -> dict[str, Value]:
    values = shape(config)
    width = config["hidden_size"] // config["num_attention_heads"]
    base = config.get("rotary_emb_base", config.get("rope_theta", 10000.0))
    return values | {
        "rope.dimension_count": int(config.get("rotary_pct", 0.25) * width),
        "rope.freq_base": float(base),
        "attention.layer_norm_epsilon": float(config["layer_norm_eps"]),
        "use_parallel_residual": bool(config.get("use_parallel_residual", True)),
    }


def _transform(name: str, tensor: Tensor, config: Config) -> Tensor | None:
    if name.endswith((".attention.bias", ".attention.masked_bias")):  # a mask of old checkpoints
        return None
    if ".query_key_value." in name:
        heads = config["num_attention_heads"]
        parted = tensor.reshape(heads, 3, -1, *tensor.shape[1:])
        return parted.swapaxes(0, 1).reshape(tensor.shape)
    return tensor


GPT_NEOX = Architecture("gptneox", _metadata, _transform)
