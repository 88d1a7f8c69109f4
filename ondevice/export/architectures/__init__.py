"""How each Hugging Face architecture is laid out in GGUF: a module each, and this table."""

from __future__ import annotations

from ondevice.errors import ModelFormatError
from ondevice.export.architectures.base import Architecture, Config, Tensor
from ondevice.export.architectures.gemma2 import GEMMA2
from ondevice.export.architectures.gptneox import GPT_NEOX
from ondevice.export.architectures.llama import LLAMA
from ondevice.export.architectures.olmo import OLMO
from ondevice.export.architectures.olmo2 import OLMO2
from ondevice.export.architectures.phi3 import PHI3
from ondevice.export.architectures.qwen import QWEN2, QWEN3
from ondevice.export.architectures.starcoder2 import STARCODER2

ARCHITECTURES = {
    "Gemma2ForCausalLM": GEMMA2,
    "GPTNeoXForCausalLM": GPT_NEOX,
    "LlamaForCausalLM": LLAMA,
    "MistralForCausalLM": LLAMA,
    "Olmo2ForCausalLM": OLMO2,
    "OlmoForCausalLM": OLMO,
    "Phi3ForCausalLM": PHI3,
    "Qwen2ForCausalLM": QWEN2,
    "Qwen3ForCausalLM": QWEN3,
    "Starcoder2ForCausalLM": STARCODER2,
}
"""By the name of the transformers class."""


def find_architecture(class_name: str) -> Architecture:
    """Return the layout of a transformers class; ``ModelFormatError`` when it is not known."""
    if class_name not in ARCHITECTURES:
        raise ModelFormatError(
            f"{class_name} cannot be exported to GGUF; these can: {', '.join(ARCHITECTURES)}"
        )
    return ARCHITECTURES[class_name]


__all__ = ["ARCHITECTURES", "Architecture", "Config", "Tensor", "find_architecture"]
