"""The same random checkpoint for every backend, exported once a session."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ondevice.backends import Backend, open_backend
from ondevice.backends.scripted import ScriptedBackend
from tests.checkpoints import make_checkpoint

Open = Callable[..., Backend]


def _noise(history: Sequence[int]) -> NDArray[np.float32]:
    return np.random.default_rng(history).normal(size=258).astype(np.float32)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("torch")
    return make_checkpoint(tmp_path_factory.mktemp("checkpoint"), padded_vocab=600)


@pytest.fixture(scope="session")
def onnx_folder(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _export_onnx(checkpoint, tmp_path_factory.mktemp("onnx"), fused=False)


@pytest.fixture(scope="session")
def fused_folder(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _export_onnx(checkpoint, tmp_path_factory.mktemp("fused"), fused=True)


def _export_onnx(checkpoint: Path, folder: Path, *, fused: bool) -> Path:
    pytest.importorskip("optimum.exporters.onnx")
    from ondevice.export.onnx import export_onnx

    export_onnx(checkpoint, folder / "model.onnx", fused=fused)
    for name in ("tokenizer.json", "config.json", "generation_config.json"):
        shutil.copy(checkpoint / name, folder)
    return folder


@pytest.fixture(scope="session")
def gguf_file(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("gguf")
    from ondevice.export.checkpoint import Checkpoint
    from ondevice.export.gguf import export_gguf

    path = tmp_path_factory.mktemp("gguf") / "model.gguf"
    export_gguf(Checkpoint.open(checkpoint), path, "f16", name="random")
    return path


@pytest.fixture(scope="session", params=["scripted", "onnx", "fused", "llama_cpp"])
def opener(request: pytest.FixtureRequest) -> Open:
    """Opens a new backend with ``context_length`` and ``max_sequences``."""
    if request.param == "scripted":
        return lambda **options: ScriptedBackend(_noise, **options)
    if request.param in ("onnx", "fused"):
        folder = request.getfixturevalue(f"{request.param}_folder")
        return lambda **options: open_backend(folder, **options)
    pytest.importorskip("llama_cpp")
    file = request.getfixturevalue("gguf_file")
    return lambda **options: open_backend(file, **options)


@pytest.fixture
def backend(opener: Open) -> Iterator[Backend]:
    with opener(context_length=256, max_sequences=4) as opened:
        yield opened
