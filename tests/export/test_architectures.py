"""Every architecture in GGUF and ONNX computes what transformers does, in all of its shapes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ondevice.backends import open_backend
from ondevice.export import export_checkpoint
from ondevice.export.agreement import compare
from ondevice.export.architectures import ARCHITECTURES
from ondevice.export.checkpoint import Checkpoint
from ondevice.export.gguf import export_gguf
from ondevice.export.reference import Reference
from ondevice.export.texts import held_text
from tests.checkpoints import PROMPTS, save_random

SHAPE = {
    "hidden_size": 96,
    "intermediate_size": 160,
    "num_hidden_layers": 2,
    "num_attention_heads": 6,
    "max_position_embeddings": 512,
    "initializer_range": 0.08,
}
GROUPED = SHAPE | {"num_key_value_heads": 3}
LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "Llama": ("Llama", GROUPED),
    "Llama, scaled as in 3.1": ("Llama", GROUPED | {"rope_scaling": LLAMA3, "rope_theta": 5e5}),
    "Llama, linear": ("Llama", GROUPED | {"rope_scaling": {"type": "linear", "factor": 2.0}}),
    "Llama, wide heads": ("Llama", GROUPED | {"head_dim": 32, "tie_word_embeddings": True}),
    "Mistral": ("Mistral", GROUPED | {"sliding_window": None}),
    "OLMo": ("Olmo", SHAPE | {"tie_word_embeddings": True, "padded_vocab": 640}),
    "OLMo, clipped": ("Olmo", GROUPED | {"clip_qkv": 0.5}),
    "OLMo 2": ("Olmo2", GROUPED),
    "Qwen 2": ("Qwen2", GROUPED | {"tie_word_embeddings": True, "rope_theta": 1e6}),
    "Qwen 3": ("Qwen3", GROUPED | {"head_dim": 24}),
    "Gemma 2": (
        "Gemma2",
        GROUPED | {"head_dim": 32, "query_pre_attn_scalar": 32, "sliding_window": 32},
    ),
    "Phi-3": ("Phi3", GROUPED | {"sliding_window": None}),
    "GPT-NeoX": ("GPTNeoX", SHAPE | {"rotary_pct": 0.5}),
    "GPT-NeoX, one after the other": ("GPTNeoX", SHAPE | {"use_parallel_residual": False}),
    "StarCoder 2": ("Starcoder2", GROUPED | {"sliding_window": None}),
}


@pytest.mark.parametrize("case", CASES)
def test_logits_and_greedy_text_agree(case: str, tmp_path: Path) -> None:
    import transformers

    name, settings = CASES[case]
    config = getattr(transformers, f"{name}Config")
    folder = save_random(tmp_path / "checkpoint", config, **settings)
    report = export_checkpoint(folder, tmp_path / "model", quantize=("f16", "fp32"), name="random")
    assert [exported.file.quantization for exported in report.files] == ["f16", "fp32"]
    f16, fp32 = (exported.agreement for exported in report.files)
    assert max(f16.largest, fp32.largest * 100) < 2e-3
    assert f16.greedy_equal >= f16.greedy_total - 1  # random weights come with a tie
    assert fp32.greedy_equal == fp32.greedy_total


def test_long_factors_of_phi_3(tmp_path: Path) -> None:
    import transformers

    # transformers takes the short factors for short texts, llama.cpp those of its context.
    long = {"type": "longrope", "short_factor": [1.0] * 8, "long_factor": [1.5, *[2.5] * 7]}
    settings = CASES["Phi-3"][1] | {"rope_scaling": long, "original_max_position_embeddings": 64}
    folder = save_random(tmp_path / "checkpoint", transformers.Phi3Config, **settings)
    export_gguf(Checkpoint.open(folder), tmp_path / "model.gguf", "f16", name="random")
    with open_backend(tmp_path / "model.gguf") as backend:
        assert compare(Reference(folder, held_text()), backend, PROMPTS[:1]).largest < 2e-3


def test_every_architecture_has_a_case() -> None:
    assert {f"{name}ForCausalLM" for name, _ in CASES.values()} == set(ARCHITECTURES)
