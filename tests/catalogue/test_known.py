from __future__ import annotations

import re

import pytest

from ondevice.catalogue import bundled_models, known_models
from ondevice.catalogue.installed import folder_of
from ondevice.catalogue.manifest import DIALECTS
from ondevice.catalogue.pull import quantization_of
from ondevice.catalogue.reference import Reference
from ondevice.errors import RequestError


@pytest.mark.parametrize("name", known_models())
def test_what_is_known_can_be_pulled(name: str) -> None:
    model = known_models()[name]
    assert folder_of(name) is not None
    assert name not in bundled_models()
    assert re.fullmatch(r"[\w.-]+/[\w.-]+", model.repository)
    assert model.dialect in DIALECTS
    assert model.published in ("gguf", "checkpoint")
    assert model.parameters > 0
    assert model.context > 0
    reference = Reference.parse(name, revision=None, quantization=None)
    assert (reference.repository, reference.revision) == (model.repository, model.revision)


def test_a_quantization_makes_another_name() -> None:
    reference = Reference.parse("org/m", revision="v1", quantization="Q8_0")
    assert (reference.name, reference.quantization) == ("org/m:q8_0", "q8_0")
    assert reference.revision == "v1"
    with pytest.raises(RequestError, match="names a file"):
        Reference.parse("org/m:x.gguf", revision=None, quantization="q8_0")


@pytest.mark.parametrize(
    ("file", "quantization"),
    [
        ("qwen2.5-coder-1.5b-instruct-q4_k_m.gguf", "q4_k_m"),
        ("SmolLM2-1.7B-Instruct.Q4_K_M.gguf", "q4_k_m"),
        ("Llama-3.2-1B-Instruct-IQ4_XS.gguf", "iq4_xs"),
        ("model-fp16-00001-of-00002.gguf", "f16"),
        ("x/y.BF16.gguf", "bf16"),
        ("m_q8_0.gguf", "q8_0"),
        ("phi-2.gguf", "unknown"),
        ("qwen3-f3.gguf", "unknown"),
    ],
)
def test_names_of_files_tell_their_quantization(file: str, quantization: str) -> None:
    assert quantization_of(file) == quantization
