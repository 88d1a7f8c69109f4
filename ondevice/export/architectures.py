"""How each Hugging Face architecture is laid out in GGUF: one ``Architecture`` each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ondevice.errors import ModelFormatError

Tensor = NDArray[np.float32]
Config = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Architecture:
    """``name`` is llama.cpp's; ``transform`` turns a tensor, by its Hugging Face name, into what
    llama.cpp expects; ``metadata`` gives the values under ``{name}.``."""

    name: str
    transform: Callable[[str, Tensor, Config], Tensor]
    metadata: Callable[[Config], dict[str, int | float]]


def find_architecture(class_name: str) -> Architecture:
    """Return the layout of a transformers class; ``ModelFormatError`` when it is not known."""
    if class_name not in ARCHITECTURES:
        raise ModelFormatError(
            f"{class_name} cannot be exported to GGUF; these can: {', '.join(ARCHITECTURES)}"
        )
    return ARCHITECTURES[class_name]


def _permute(weights: Tensor, heads: int) -> Tensor:
    """Reorder each head's rows from Hugging Face's rotary halves to llama.cpp's rotary pairs."""
    rows = weights.shape[0]
    pairs = weights.reshape(heads, 2, rows // heads // 2, *weights.shape[1:])
    return pairs.swapaxes(1, 2).reshape(weights.shape)


def _transform_llama(name: str, tensor: Tensor, config: Config) -> Tensor:
    heads = config["num_attention_heads"]
    if ".q_proj." in name:
        return _permute(tensor, heads)
    if ".k_proj." in name:
        return _permute(tensor, config.get("num_key_value_heads") or heads)
    return tensor


def _llama_metadata(config: Config) -> dict[str, int | float]:
    if config.get("rope_scaling"):
        raise ModelFormatError("a Llama with rope_scaling cannot be exported to GGUF yet")
    heads = config["num_attention_heads"]
    width = config.get("head_dim") or config["hidden_size"] // heads
    return {
        "context_length": config["max_position_embeddings"],
        "embedding_length": config["hidden_size"],
        "feed_forward_length": config["intermediate_size"],
        "block_count": config["num_hidden_layers"],
        "attention.head_count": heads,
        "attention.head_count_kv": config.get("num_key_value_heads") or heads,
        "attention.key_length": width,
        "attention.value_length": width,
        "attention.layer_norm_rms_epsilon": float(config["rms_norm_eps"]),
        "rope.dimension_count": width,
        "rope.freq_base": float(config.get("rope_theta", 10000.0)),
        "vocab_size": config["vocab_size"],
    }


ARCHITECTURES = {
    "LlamaForCausalLM": Architecture("llama", _transform_llama, _llama_metadata),
}
