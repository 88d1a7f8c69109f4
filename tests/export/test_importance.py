"""Importance matrices: what is measured, and that llama.cpp weighs errors by it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ondevice.errors import DataError, RequestError
from ondevice.export import export_checkpoint
from ondevice.export.checkpoint import Checkpoint
from ondevice.export.gguf import export_gguf
from ondevice.export.importance import measure_importance, read_texts
from ondevice.export.llama_quantize import quantize_gguf
from ondevice.export.texts import held_text
from tests.checkpoints import make_checkpoint

MATRIX = "blk.0.ffn_up.weight"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # K-quants want rows of 256.
    return make_checkpoint(tmp_path_factory.mktemp("weighed") / "checkpoint", hidden=256, layers=1)


def test_mean_squares_of_inputs(folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    text = "write fizzbuzz\n<|diff|>@@ -0,0 +1 @@\n+print(1)"
    measured = measure_importance(Checkpoint.open(folder), [text, text])
    model = AutoModelForCausalLM.from_pretrained(folder)
    ids = AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt").input_ids
    with torch.no_grad():
        entering = model.model.layers[0].input_layernorm(model.model.embed_tokens(ids))
        leaving = model.model(ids).last_hidden_state
    for name, inputs in (
        ("model.layers.0.self_attn.v_proj.weight", entering),
        ("model.embed_tokens.weight", leaving),  # the output layer shares it
    ):
        expected = inputs[0].square().mean(0).numpy()
        assert measured[name] == pytest.approx(expected, rel=1e-3)
    assert "lm_head.weight" not in measured


def test_columns_that_matter_are_kept_better(folder: Path, tmp_path: Path) -> None:
    from gguf import GGUFReader
    from gguf.quants import dequantize

    source = tmp_path / "f32.gguf"
    export_gguf(Checkpoint.open(folder), source, "f32", name="x")

    def read(path: Path) -> np.ndarray:
        tensor = next(t for t in GGUFReader(path).tensors if t.name == MATRIX)
        return dequantize(tensor.data, tensor.tensor_type)

    exact, errors = read(source), []
    matters = np.arange(256) % 8 == 0
    for weights in (np.ones(256), np.where(matters, 100.0, 0.01)):
        path = tmp_path / "q4.gguf"
        quantize_gguf(source, path, "q4_k_s", importance={MATRIX: weights.astype(np.float32)})
        errors.append(np.square(read(path) - exact)[:, matters].mean())
    assert errors[1] < 0.5 * errors[0]


def test_few_bits_need_it(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="iq2_xs cannot be made without an importance matrix"):
        export_checkpoint(folder, tmp_path / "model", quantize=["iq2_xs"], name="x")
    report = export_checkpoint(
        folder,
        tmp_path / "model",
        quantize=["iq2_xs", "q4_k_m"],
        name="x",
        calibration=[held_text()],
    )
    sizes = {exported.file.quantization: exported.file.bytes for exported in report.files}
    assert sizes["iq2_xs"] < sizes["q4_k_m"]


def test_texts_and_rows(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("some text")
    assert read_texts(tmp_path / "a.txt") == ["some text"]
    row = {"instruction": "write {f}", "sequence": "@@ -0,0 +1 @@\n+f = {}\n", "code": "f = {}"}
    (tmp_path / "a.jsonl").write_text(json.dumps(row) + "\n")
    assert read_texts(tmp_path / "a.jsonl") == ["write {f}\n<|diff|>@@ -0,0 +1 @@\n+f = {}\n"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b" \n", "holds no text"),
        ("a.txt", b"\xff\xfe\x00", "no text in UTF-8"),
        ("a.jsonl", b"{}\n", "lacks instruction or sequence"),
        ("a.jsonl", b"some text\n", "cannot be read"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_texts(tmp_path / name)
