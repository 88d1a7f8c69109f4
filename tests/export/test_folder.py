"""Model folders: complete, proved, and in place at once or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ondevice.backends import open_backend
from ondevice.catalogue.manifest import Manifest, sha256_of
from ondevice.errors import (
    DisagreementError,
    ModelFormatError,
    ModelNotFoundError,
    RequestError,
)
from ondevice.export import ExportReport, agreement, export_checkpoint
from tests.checkpoints import MIXED_TEXTS

CARD = {"name": "random", "license": "Apache-2.0", "source": "tests"}


def test_folder_holds_what_its_manifest_says(report: ExportReport) -> None:
    manifest = Manifest.read(report.folder)
    assert manifest == report.manifest
    assert [(file.path, file.backend, file.quantization) for file in manifest.files] == [
        ("model-q8_0.gguf", "llama_cpp", "q8_0"),
        ("model-f16.gguf", "llama_cpp", "f16"),
        ("model-int8.onnx", "onnx", "int8"),
        ("model.onnx", "onnx", "fp32"),
        ("tokenizer.json", None, None),
        ("LICENSE", None, None),
    ]
    for file in manifest.files:
        assert file.bytes == (report.folder / file.path).stat().st_size
        assert file.sha256 == sha256_of(report.folder / file.path)
    present = {path.name for path in report.folder.iterdir()}
    assert present == {"ondevice.json", *(file.path for file in manifest.files)}
    assert list(report.folder.parent.iterdir()) == [report.folder]


def test_manifest_describes_the_model(report: ExportReport) -> None:
    manifest = report.manifest
    assert manifest.dialect == "lintseq"
    assert manifest.prompt_template == "{instruction}\n<|diff|>"
    assert manifest.context_length == 1024
    assert manifest.end_tokens == ("<|endoftext|>",)
    assert (
        manifest.parameters == 576 * 64 + 2 * (64 * (64 + 64 + 32 + 32) + 3 * 64 * 192 + 128) + 64
    )


def test_exact_formats_write_the_same_text(report: ExportReport) -> None:
    found = {exported.file.quantization: exported.agreement for exported in report.files}
    assert found["fp32"].largest < 1e-5
    assert found["fp32"].greedy_equal == found["fp32"].greedy_total == 3 * 64
    assert found["f16"].largest < 2e-3
    assert found["f16"].greedy_equal >= 3 * 64 - 1  # random weights come with a tie or two
    for exact in ("fp32", "f16"):
        assert found[exact].divergence <= found[exact].largest_divergence < 1e-5
        assert found[exact].perplexity == pytest.approx(report.perplexity, rel=1e-3)
        assert found[exact].tokens_per_second > 0


def test_quantized_formats_stay_near(report: ExportReport) -> None:
    for exported in report.files:
        if exported.file.quantization in ("q8_0", "int8"):
            assert exported.agreement.positions == 512
            assert 1e-4 < exported.agreement.mean < 0.01
            assert exported.agreement.largest < 0.1


def test_quantized_files_are_smaller(report: ExportReport) -> None:
    size = {exported.file.quantization: exported.file.bytes for exported in report.files}
    assert size["q8_0"] < 0.6 * size["f16"]
    assert size["int8"] < 0.6 * size["fp32"]


def test_backends_read_the_same_tokens(report: ExportReport) -> None:
    paths = [report.folder / exported.file.path for exported in report.files]
    backends = [open_backend(path) for path in paths]
    for text in MIXED_TEXTS:
        assert len({tuple(backend.tokenize(text)) for backend in backends}) == 1
    for backend in backends:
        assert backend.end_tokens == {0}
        assert backend.context_length == 1024
        backend.close()


def test_a_subset_can_be_asked_for(checkpoint: Path, tmp_path: Path) -> None:
    report = export_checkpoint(
        checkpoint, tmp_path / "model", formats=["gguf"], quantize=["q8_0", "int8"], **CARD
    )
    assert [file.path for file in report.manifest.files] == ["model-q8_0.gguf", "tokenizer.json"]


def test_int8_alone_leaves_no_fp32_graph(checkpoint: Path, tmp_path: Path) -> None:
    said: list[str] = []
    report = export_checkpoint(
        checkpoint, tmp_path / "model", quantize=["int8"], on_progress=said.append, **CARD
    )
    assert {path.name for path in report.folder.iterdir()} == {
        "model-int8.onnx",
        "tokenizer.json",
        "ondevice.json",
    }
    assert said[0] == "exporting model.onnx"


def test_a_model_folder_is_replaced(checkpoint: Path, tmp_path: Path) -> None:
    for quantization in ("f16", "q8_0"):
        export_checkpoint(checkpoint, tmp_path / "model", quantize=[quantization], **CARD)
    assert {path.name for path in (tmp_path / "model").glob("*.gguf")} == {"model-q8_0.gguf"}
    assert list(tmp_path.iterdir()) == [tmp_path / "model"]


def test_another_folder_is_left_alone(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(RequestError, match="no model folder"):
        export_checkpoint(checkpoint, tmp_path, **CARD)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_disagreement_is_an_error_and_leaves_nothing(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(agreement.TOLERANCES, "f16", agreement.Tolerance(1e-9, 1e-9, 1e-9))
    with pytest.raises(DisagreementError, match=r"model-f16\.gguf is not the same model") as caught:
        export_checkpoint(checkpoint, tmp_path / "model", quantize=["f16"], **CARD)
    assert isinstance(caught.value.report, ExportReport)
    assert [one.file.quantization for one in caught.value.report.files] == ["f16"]
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_exported(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="q9_9 cannot be exported"):
        export_checkpoint(checkpoint, tmp_path / "model", quantize=["q9_9"], **CARD)
    with pytest.raises(RequestError, match="none of these"):
        export_checkpoint(checkpoint, tmp_path / "m", formats=["gguf"], quantize=["int8"], **CARD)
    with pytest.raises(ModelNotFoundError):
        export_checkpoint(tmp_path / "nowhere", tmp_path / "model", **CARD)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelFormatError, match="safetensors"):
        export_checkpoint(tmp_path / "empty", tmp_path / "model", **CARD)


def test_nothing_is_written_at_home(checkpoint: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    code = (
        "import sys; from pathlib import Path; from ondevice.export import export_checkpoint\n"
        "export_checkpoint(Path(sys.argv[1]), Path(sys.argv[2]), name='n', license='l', source='s',"
        " quantize=['int8'])\n"
    )
    environment = {**os.environ, "HOME": str(home), "USERPROFILE": str(home)}
    for name in ("ORT_DISABLE_TELEMETRY", "HF_HOME", "XDG_CACHE_HOME"):
        environment.pop(name, None)
    command = [sys.executable, "-c", code, str(checkpoint), str(tmp_path / "model")]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    assert list(home.iterdir()) == []
    assert (done.stdout, done.stderr) == ("", "")


def test_the_bundled_model_is_made_from_its_checkpoint_byte_for_byte(tmp_path: Path) -> None:
    bundled = Path(__file__).parents[2] / "models" / "tiny"
    made = export_checkpoint(
        bundled / "checkpoint", tmp_path / "tiny", quantize=["q8_0"], **CARD | {"name": "tiny"}
    )
    for file in made.manifest.files:
        assert file.sha256 == sha256_of(bundled / file.path)


def test_the_hub_stays_in_reach(report: ExportReport) -> None:
    from huggingface_hub import constants

    assert report.files  # of ONNX among others, which is made offline
    assert not constants.HF_HUB_OFFLINE
