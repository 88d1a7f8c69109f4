"""Bad input ends in one clear error, before native code sees it where that is possible."""

from __future__ import annotations

import builtins
import json
import shutil
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ondevice.backends import llama_library, machine, open_backend
from ondevice.backends.gguf_header import read_header
from ondevice.errors import (
    DependencyError,
    ModelFormatError,
    ModelNotFoundError,
    OutOfMemoryError,
    RequestError,
)


def test_missing_path(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="nowhere"):
        open_backend(tmp_path / "nowhere.gguf")


@pytest.mark.parametrize("name", ["model.gguf", "model.onnx"])
def test_empty_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(ModelFormatError, match="empty"):
        open_backend(tmp_path / name)


def test_other_file(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"x")
    with pytest.raises(ModelFormatError, match=r"neither a \.gguf file"):
        open_backend(tmp_path / "model.bin")


def test_folder_without_weights(checkpoint: Path) -> None:
    with pytest.raises(ModelFormatError, match="ondevice export"):
        open_backend(checkpoint)


def test_backend_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="'mlx'"):
        open_backend(tmp_path, backend="mlx")


def test_backend_that_does_not_read_the_file(gguf_file: Path) -> None:
    with pytest.raises(RequestError, match="read by the backend 'llama_cpp'"):
        open_backend(gguf_file, backend="onnx")


def test_no_threads_at_all(onnx_folder: Path) -> None:
    with pytest.raises(RequestError, match="threads"):
        open_backend(onnx_folder, threads=0)


def test_folder_with_both_formats(onnx_folder: Path, gguf_file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "both"
    shutil.copytree(onnx_folder, folder)
    shutil.copy(gguf_file, folder)
    for name in ("onnx", "llama_cpp"):
        if name == "llama_cpp":
            pytest.importorskip("llama_cpp")
        with open_backend(folder, backend=name) as backend:
            assert backend.name == name


@pytest.mark.parametrize("name", ["tokenizer.json", "config.json"])
def test_onnx_without_its_companion(onnx_folder: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "model"
    shutil.copytree(onnx_folder, folder)
    (folder / name).unlink()
    with pytest.raises(ModelFormatError, match=name):
        open_backend(folder)


@pytest.mark.parametrize("name", ["tokenizer.json", "config.json"])
def test_onnx_with_a_damaged_companion(onnx_folder: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "model"
    shutil.copytree(onnx_folder, folder)
    (folder / name).write_text((folder / name).read_text()[:-50])
    with pytest.raises(ModelFormatError, match=name):
        open_backend(folder)


@pytest.mark.parametrize("content", [b"not a graph", b"\x08\x08 not a graph"])
def test_no_onnx_file(onnx_folder: Path, tmp_path: Path, content: bytes) -> None:
    folder = tmp_path / "model"
    shutil.copytree(onnx_folder, folder)
    (folder / "model.onnx").write_bytes(content)
    with pytest.raises(ModelFormatError, match=r"model\.onnx"):
        open_backend(folder)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_truncated_onnx_file(onnx_folder: Path, tmp_path: Path, share: float) -> None:
    folder = tmp_path / "model"
    shutil.copytree(onnx_folder, folder)
    content = (folder / "model.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ModelFormatError, match="damaged"):
        open_backend(folder)


def test_onnx_graph_without_cache(onnx_folder: Path, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    folder = tmp_path / "model"
    shutil.copytree(onnx_folder, folder)
    value = onnx.helper.make_tensor_value_info("input_ids", onnx.TensorProto.INT64, [1])
    other = onnx.helper.make_tensor_value_info("logits", onnx.TensorProto.INT64, [1])
    node = onnx.helper.make_node("Identity", ["input_ids"], ["logits"])
    graph = onnx.helper.make_graph([node], "g", [value], [other])
    opset = [onnx.helper.make_opsetid("", 17)]
    onnx.save(
        onnx.helper.make_model(graph, opset_imports=opset, ir_version=8), folder / "model.onnx"
    )
    with pytest.raises(ModelFormatError, match="key-value cache"):
        open_backend(folder)


def _without_head_size(source: Path, target: Path) -> Path:
    """Copy a folder, its graph changed to one that leaves the width of keys and values open."""
    onnx = pytest.importorskip("onnx")
    shutil.copytree(source, target)
    model = onnx.load(target / "model.onnx")
    for value in [*model.graph.input, *model.graph.output]:
        if value.name.startswith(("past_key_values.", "present.")):
            value.type.tensor_type.shape.dim[3].dim_param = "kv_cache_dim"
    onnx.save(model, target / "model.onnx")
    return target


def test_onnx_head_size_from_the_configuration(onnx_folder: Path, tmp_path: Path) -> None:
    """As onnxruntime-genai's builder leaves it open."""
    folder = _without_head_size(onnx_folder, tmp_path / "model")
    with open_backend(onnx_folder) as plain, open_backend(folder) as opened:
        batch = [(0, plain.tokenize("x = 1\n"))]
        np.testing.assert_array_equal(opened.evaluate(batch), plain.evaluate(batch))


def test_onnx_without_any_head_size(onnx_folder: Path, tmp_path: Path) -> None:
    folder = _without_head_size(onnx_folder, tmp_path / "model")
    (folder / "config.json").write_text('{"max_position_embeddings": 64}')
    with pytest.raises(ModelFormatError, match="head_dim"):
        open_backend(folder)


def test_onnx_end_token_from_the_manifest(onnx_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(onnx_folder, folder)
    manifest = {"context_length": 77, "end_tokens": ["<|diff|>"]}
    (folder / "ondevice.json").write_text(json.dumps(manifest))
    with open_backend(folder) as backend:
        assert backend.end_tokens == {1}
        assert backend.context_length == 77


@pytest.mark.parametrize("size", [3, 4, 10, 24, 100, 5_000, 20_000, -1])
def test_truncated_gguf_file(gguf_file: Path, tmp_path: Path, size: int) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(gguf_file.read_bytes()[:size])
    with pytest.raises(ModelFormatError, match=r"damaged|cut short|no GGUF"):
        open_backend(path)


@pytest.mark.parametrize("content", [b"GGML" + bytes(60), b"PK\x03\x04" + bytes(60)])
def test_no_gguf_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.gguf").write_bytes(content)
    with pytest.raises(ModelFormatError, match="no GGUF"):
        open_backend(tmp_path / "model.gguf")


@pytest.mark.parametrize("version", [1, 4, 3 << 24])
def test_other_gguf_version(tmp_path: Path, version: int) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF" + struct.pack("<IQQ", version, 0, 0))
    with pytest.raises(ModelFormatError, match="version"):
        open_backend(tmp_path / "model.gguf")


def test_gguf_without_a_model(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 0) + bytes(64))
    with pytest.raises(ModelFormatError, match=r"general\.architecture"):
        open_backend(tmp_path / "model.gguf")


def test_damaged_gguf_headers_are_refused_or_read(gguf_file: Path, tmp_path: Path) -> None:
    content = bytearray(gguf_file.read_bytes())
    path = tmp_path / "model.gguf"
    for place in range(4, 600, 3):
        damaged = bytearray(content)
        damaged[place] = 0xFF
        path.write_bytes(damaged)
        try:
            read_header(path)
        except ModelFormatError as error:
            assert str(path) in str(error)  # noqa: PT017 - both outcomes are right


def test_gguf_of_unknown_architecture(gguf_file: Path, tmp_path: Path) -> None:
    pytest.importorskip("llama_cpp")
    path = tmp_path / "model.gguf"
    path.write_bytes(gguf_file.read_bytes().replace(b"llama", b"lemur"))
    with pytest.raises(ModelFormatError, match="lemur"):
        open_backend(path)


def test_context_beyond_the_trained_one(opener: Any) -> None:
    if opener().name == "scripted":
        return
    with pytest.raises(RequestError, match="trained with 1024"):
        opener(context_length=1025)
    with opener(context_length=1024) as backend:
        assert backend.context_length == 1024


def test_context_beyond_the_memory(gguf_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("llama_cpp")
    monkeypatch.setattr(machine, "available_memory", lambda: 10 * 2**20)
    with pytest.raises(OutOfMemoryError, match="64 sequences of 1024 tokens"):
        open_backend(gguf_file, max_sequences=64)


def test_weights_beyond_the_memory(onnx_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "available_memory", lambda: 100_000)
    with pytest.raises(OutOfMemoryError, match="weights"):
        open_backend(onnx_folder)


@pytest.mark.parametrize("count", [0, 100_000])
def test_impossible_number_of_sequences(gguf_file: Path, count: int) -> None:
    pytest.importorskip("llama_cpp")
    with pytest.raises(RequestError, match="max_sequences"):
        open_backend(gguf_file, max_sequences=count)


def test_llama_cpp_not_installed(gguf_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = builtins.__import__

    def refuse(name: str, *rest: Any) -> Any:
        if name.split(".")[0] == "llama_cpp":
            raise ImportError("No module named 'llama_cpp'")
        return find(name, *rest)

    llama_library.load_library.cache_clear()
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(DependencyError, match=r"pip install 'ondevice\[gguf\]'"):
        open_backend(gguf_file)


def test_memory_is_known_here() -> None:
    memory = machine.available_memory()
    assert memory is None or 2**20 < memory < 2**50


def test_threads_for_small_and_large_models() -> None:
    assert machine.default_threads(2**20) == 1
    assert 1 <= machine.default_threads(2**40) <= machine.MAX_THREADS


def test_gguf_with_a_token_twice(gguf_file: Path, tmp_path: Path) -> None:
    # llama.cpp would end the process.
    path = tmp_path / "model.gguf"
    path.write_bytes(gguf_file.read_bytes().replace(b",0 +", b"@@ -"))
    with pytest.raises(ModelFormatError, match="same text"):
        open_backend(path)
