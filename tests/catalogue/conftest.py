from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ondevice.catalogue import Manifest, ModelFile, bundled

MakeModel = Callable[[Path], Path]


@pytest.fixture
def make_model() -> MakeModel:
    def make(folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.gguf").write_bytes(b"weights")
        file = ModelFile.measure(folder, "model.gguf", "llama_cpp", "q8_0")
        template = "{instruction}\n<|diff|>"
        Manifest(
            folder.name, "A model.", "lintseq", template, 64, ("<e>",), "MIT", "here", 1, (file,)
        ).write(folder)
        return folder

    return make


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_model: MakeModel) -> Path:
    """A package that was installed with one bundled model; its folder."""
    package = tmp_path / "site-packages" / "ondevice"
    make_model(package / "models" / "tiny")
    monkeypatch.setattr(bundled, "_PACKAGE", package)
    return package
