"""The files that an export can be asked for: formats, and quantizations of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ondevice.backends.llama_library import load_library
from ondevice.errors import RequestError
from ondevice.export import llama_quantize

FORMATS = ("gguf", "onnx")
QUANTIZATIONS = ("q8_0", "f16", "int8", "fp32")
"""What is made unless something else is asked for."""
GRAPH = "model.onnx"
"""The fp32 graph, which the others are made from."""


class Variant(NamedTuple):
    """A file of weights: its name, its format, the backend that loads it, its quantization."""

    file: str
    format: str
    backend: str
    quantization: str


def _gguf(quantization: str) -> Variant:
    return Variant(f"model-{quantization}.gguf", "gguf", "llama_cpp", quantization)


# In the order of preference, which the manifest keeps.
VARIANTS = (
    *map(_gguf, ("q8_0", *llama_quantize.QUANTIZATIONS[::-1], "bf16", "f16", "f32")),
    Variant("model-int8.onnx", "onnx", "onnx", "int8"),
    Variant("model-int4.onnx", "onnx", "onnx", "int4"),
    Variant(GRAPH, "onnx", "onnx", "fp32"),
)
KNOWN = tuple(variant.quantization for variant in VARIANTS)
"""Every quantization that can be asked for."""


def choose(formats: Sequence[str], quantize: Sequence[str], *, weighed: bool) -> list[Variant]:
    """Return the files that are asked for.

    Raises ``RequestError`` where that is none, or unknown, or needs an importance matrix and is not
    ``weighed`` by one.
    """
    unknown = {*formats} - {*FORMATS} | {*quantize} - {*KNOWN}
    if unknown:
        raise RequestError(
            f"{', '.join(sorted(unknown))} cannot be exported; there are the formats "
            f"{', '.join(FORMATS)} and the quantizations {', '.join(KNOWN)}"
        )
    chosen = [v for v in VARIANTS if v.format in formats and v.quantization in quantize]
    if not chosen:
        raise RequestError("none of these formats comes in any of these quantizations")
    poor = {*llama_quantize.NEED_IMPORTANCE} & {variant.quantization for variant in chosen}
    if poor and not weighed:
        raise RequestError(
            f"{', '.join(sorted(poor))} cannot be made without an importance matrix; name a text "
            "like those that the model is for with --imatrix"
        )
    if any(variant.format == "gguf" for variant in chosen):
        load_library()  # every export is run before it is trusted, so fail before the work
    return chosen
