"""Qwen 2 (with biases of queries, keys and values) and Qwen 3 (with norms of queries and keys)."""

from __future__ import annotations

from ondevice.errors import ModelFormatError
from ondevice.export.architectures.base import (
    Architecture,
    Config,
    Value,
    linear_or_no_scaling,
    rms_shape,
)


def _metadata(config: Config) -> dict[str, Value]:
    if config.get("use_sliding_window"):
        raise ModelFormatError("a Qwen with a sliding window cannot be exported to GGUF")
    return rms_shape(config) | linear_or_no_scaling(config)


QWEN2 = Architecture("qwen2", _metadata)
QWEN3 = Architecture("qwen3", _metadata)
