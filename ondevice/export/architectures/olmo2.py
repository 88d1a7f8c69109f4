"""OLMo 2: norms after attention and feed-forward, and of queries and keys."""

from __future__ import annotations

from ondevice.export.architectures.base import (
    Architecture,
    Config,
    Value,
    linear_or_no_scaling,
    rms_shape,
)


def _metadata(config: Config) -> dict[str, Value]:
    return rms_shape(config) | linear_or_no_scaling(config)


OLMO2 = Architecture("olmo2", _metadata)
