"""The quantizations that are made on request: nearer to the checkpoint the more bits they have."""

from __future__ import annotations

from pathlib import Path

import pytest

from ondevice.errors import ModelError, RequestError
from ondevice.export import ExportReport, export_checkpoint, llama_quantize
from ondevice.export.agreement import TOLERANCES
from ondevice.export.variants import KNOWN
from tests.checkpoints import PROMPTS, make_checkpoint

CARD = {"name": "random", "license": "Apache-2.0", "source": "tests"}
ASKED = ("bf16", "q6_k", "q4_k_m", "q2_k", "int4")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> ExportReport:
    folder = tmp_path_factory.mktemp("quantized")
    # K-quants want rows of 256.
    checkpoint = make_checkpoint(folder / "checkpoint", hidden=256, layers=1)
    return export_checkpoint(
        checkpoint, folder / "model", quantize=ASKED, prompts=PROMPTS[:1], **CARD
    )


def test_what_is_asked_for_is_made_and_nothing_else(made: ExportReport) -> None:
    assert {one.file.quantization for one in made.files} == set(ASKED)
    assert {path.name for path in made.folder.iterdir()} == {
        *(f"model-{name}.gguf" for name in ASKED if name != "int4"),
        *("model-int4.onnx", "tokenizer.json", "ondevice.json"),
    }


def test_fewer_bits_are_smaller_and_farther_off(made: ExportReport) -> None:
    found = {one.file.quantization: one for one in made.files}
    order = [found[name] for name in ("bf16", "q6_k", "q4_k_m", "q2_k")]
    sizes = [one.file.bytes for one in order]
    errors = [one.agreement.mean for one in order]
    assert sizes == sorted(sizes, reverse=True)
    assert errors == sorted(errors)
    assert errors[0] < 4e-3
    assert found["int4"].agreement.mean < 2 * found["q4_k_m"].agreement.mean


def test_every_quantization_has_a_tolerance() -> None:
    assert set(KNOWN) == set(TOLERANCES)


def test_an_unknown_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"q9_9 cannot be exported; .* q4_k_m"):
        export_checkpoint(tmp_path, tmp_path / "model", quantize=["q9_9"], **CARD)


def test_what_llama_cpp_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "no.gguf").write_bytes(b"GGUF, or not")
    with pytest.raises(ModelError, match="cannot quantize to q4_0"):
        llama_quantize.quantize_gguf(tmp_path / "no.gguf", tmp_path / "out.gguf", "q4_0")
    assert not (tmp_path / "out.gguf").exists()
