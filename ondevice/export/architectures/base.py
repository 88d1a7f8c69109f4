"""What an architecture is to the GGUF exporter, and what several of them share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ondevice.errors import ModelFormatError

Tensor = NDArray[np.float32]
Config = Mapping[str, Any]
Value = int | float | bool | str


def _as_it_is(name: str, tensor: Tensor, config: Config) -> Tensor:
    return tensor


def _nothing(config: Config) -> dict[str, Tensor]:
    return {}


@dataclass(frozen=True, slots=True)
class Architecture:
    """How a Hugging Face architecture is laid out in GGUF.

    ``name`` is llama.cpp's. ``metadata`` gives the values under ``{name}.``; a number is written as
    float32 or uint32 by its Python type. ``transform`` turns a tensor, by its Hugging Face name,
    into what llama.cpp expects; None leaves it out. ``computed`` are tensors that a checkpoint only
    implies, by their GGUF names.
    """

    name: str
    metadata: Callable[[Config], dict[str, Value]]
    transform: Callable[[str, Tensor, Config], Tensor | None] = _as_it_is
    computed: Callable[[Config], dict[str, Tensor]] = _nothing


def permuted(weights: Tensor, heads: int) -> Tensor:
    """Reorder each head's rows from Hugging Face's rotary halves to llama.cpp's rotary pairs."""
    rows = weights.shape[0]
    pairs = weights.reshape(heads, 2, rows // heads // 2, *weights.shape[1:])
    return pairs.swapaxes(1, 2).reshape(weights.shape)


def with_permuted_heads(name: str, tensor: Tensor, config: Config) -> Tensor:
    """Reorder the rows of queries and keys, weights and biases alike."""
    if ".q_proj." in name:
        return permuted(tensor, config["num_attention_heads"])
    if ".k_proj." in name:
        return permuted(tensor, kv_heads(config))
    return tensor


def kv_heads(config: Config) -> int:
    """Return how many heads have keys and values of their own."""
    return int(config.get("num_key_value_heads") or config["num_attention_heads"])


def head_width(config: Config) -> int:
    """Return the numbers that a head has for a token."""
    return int(config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"])


def shape(config: Config, norm: Mapping[str, Value] = MappingProxyType({})) -> dict[str, Value]:
    """Return the metadata that all architectures with rotary positions have; those of the
    ``norm`` among them, since the order of keys is part of a file's bytes."""
    width = head_width(config)
    return {
        "context_length": config["max_position_embeddings"],
        "embedding_length": config["hidden_size"],
        "feed_forward_length": config["intermediate_size"],
        "block_count": config["num_hidden_layers"],
        "attention.head_count": config["num_attention_heads"],
        "attention.head_count_kv": kv_heads(config),
        "attention.key_length": width,
        "attention.value_length": width,
        **norm,
        "rope.dimension_count": width,
        "rope.freq_base": float(config.get("rope_theta", 10000.0)),
        "vocab_size": config["vocab_size"],
    }


def rms_shape(config: Config) -> dict[str, Value]:
    """Return ``shape`` with the epsilon of RMS norms."""
    return shape(config, {"attention.layer_norm_rms_epsilon": float(config["rms_norm_eps"])})


def scaling(config: Config) -> tuple[str, Mapping[str, Any]]:
    """Return the type of rope scaling, ``"none"`` without any, and its settings."""
    settings = config.get("rope_scaling") or {}
    kind = settings.get("rope_type") or settings.get("type") or "none"
    return ("none" if kind == "default" else kind), settings


def linear_or_no_scaling(config: Config) -> dict[str, Value]:
    """Return the metadata of linear rope scaling, or none.

    Raises ``ModelFormatError`` for another type.
    """
    kind, settings = scaling(config)
    if kind == "none":
        return {}
    if kind != "linear":
        raise ModelFormatError(
            f"rope_scaling of the type {kind!r} cannot be exported to GGUF for this architecture"
        )
    return {"rope.scaling.type": "linear", "rope.scaling.factor": float(settings["factor"])}
