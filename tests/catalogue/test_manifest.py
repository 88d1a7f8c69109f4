from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ondevice.catalogue import Manifest, ModelFile
from ondevice.errors import ModelFormatError, ModelNotFoundError

MISSING = object()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model.gguf").write_bytes(b"weights")
    (tmp_path / "model.onnx").write_bytes(b"other weights")
    (tmp_path / "tokenizer.json").write_text("{}")
    manifest = Manifest(
        name="small",
        description="A small model.",
        dialect="lintseq",
        prompt_template="{instruction}\n<|diff|>",
        context_length=1024,
        end_tokens=("<|endoftext|>",),
        license="Apache-2.0",
        source="https://example.org/small",
        parameters=4_500_000,
        files=(
            ModelFile.measure(tmp_path, "model.gguf", "llama_cpp", "q8_0"),
            ModelFile.measure(tmp_path, "model.onnx", "onnx", "int8"),
            ModelFile.measure(tmp_path, "tokenizer.json"),
        ),
    )
    manifest.write(tmp_path)
    return tmp_path


def test_what_is_written_is_read_back(folder: Path) -> None:
    manifest = Manifest.read(folder)
    assert (manifest.name, manifest.context_length) == ("small", 1024)
    assert manifest.end_tokens == ("<|endoftext|>",)
    before = (folder / "ondevice.json").read_bytes()
    manifest.write(folder)
    assert (folder / "ondevice.json").read_bytes() == before
    assert json.loads(before)["schema"] == 1


def test_files_are_found_by_backend(folder: Path) -> None:
    manifest = Manifest.read(folder)
    assert [file.path for file in manifest.files_for("onnx")] == ["model.onnx"]
    assert manifest.files_for("llama_cpp")[0].bytes == len(b"weights")
    assert manifest.files_for("mlx") == ()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *((field, MISSING) for field in ("schema", "name", "files", "end_tokens", "parameters")),
        ("schema", 2),
        ("name", ""),
        ("description", 3),
        ("dialect", "ed"),
        ("prompt_template", "write it"),
        ("prompt_template", "{instruction} {instruction}"),
        ("context_length", "1024"),
        ("context_length", True),
        ("context_length", 0),
        ("parameters", 1.5),
        ("end_tokens", "<|endoftext|>"),
        ("end_tokens", [1]),
        ("license", None),
        ("source", []),
        ("files", []),
        ("files", {}),
    ],
)
def test_a_bad_field_is_named(folder: Path, field: str, value: object) -> None:
    complaint = rf"ondevice\.json: field '{field}' "
    with pytest.raises(ModelFormatError, match=complaint):
        read_with(folder, lambda content: put(content, field, value))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("path", path) for path in ("../model.gguf", "/etc/passwd", "a/../../b", "a\\b", "C:b")),
        ("path", MISSING),
        ("bytes", -1),
        ("backend", 1),
        ("backend", None),
        ("quantization", None),
        ("sha256", "0" * 63),
        ("sha256", "G" * 64),
    ],
)
def test_a_bad_field_of_a_file_is_named(folder: Path, field: str, value: object) -> None:
    field_named = "quantization" if (field, value) == ("backend", None) else field
    with pytest.raises(ModelFormatError, match=rf"field 'files\[0\]\.{field_named}' "):
        read_with(folder, lambda content: put(content["files"][0], field, value))


@pytest.mark.parametrize("content", [b"", b"no json", b"\xff\xfe", b"[]", b"3", b"[" * 100_000])
def test_what_is_no_manifest_is_refused(folder: Path, content: bytes) -> None:
    (folder / "ondevice.json").write_bytes(content)
    with pytest.raises(ModelFormatError, match=r"ondevice\.json"):
        Manifest.read(folder)


def test_a_folder_without_manifest_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"holds no ondevice\.json"):
        Manifest.read(tmp_path)


def test_an_invalid_manifest_is_not_written(folder: Path) -> None:
    before = (folder / "ondevice.json").read_bytes()
    broken = Manifest.read(folder).files
    with pytest.raises(ModelFormatError, match="'prompt_template'"):
        Manifest("x", "x", "lintseq", "x", 1, (), "x", "x", 1, broken).write(folder)
    assert (folder / "ondevice.json").read_bytes() == before


def put(content: dict[str, Any], field: str, value: object) -> None:
    if value is MISSING:
        del content[field]
    else:
        content[field] = value


def read_with(folder: Path, change: Any) -> Manifest:
    path = folder / "ondevice.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    return Manifest.read(folder)
