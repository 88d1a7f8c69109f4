"""A model that is published as a checkpoint alone: fetched, exported, proved, and then there."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from ondevice.catalogue.hub import RemoteFile, Repository
from ondevice.catalogue.pull import Plan
from ondevice.catalogue.reference import Reference
from ondevice.cli import pulling
from ondevice.errors import DependencyError
from tests.checkpoints import make_checkpoint
from tests.hub.machine import Machine
from tests.hub.server import COMMIT, Hub, serve

NAME = "org/model"


def test_a_checkpoint_is_exported(tmp_path: Path) -> None:
    for module in ("torch", "transformers", "gguf", "llama_cpp"):
        pytest.importorskip(module)
    checkpoint = make_checkpoint(tmp_path / "checkpoint", layers=1)
    files = {path.name: path.read_bytes() for path in checkpoint.iterdir()}
    files |= {"pytorch_model.bin": b"the same once more", "onnx/model.onnx": b"of someone else"}
    with serve(Hub(NAME, files)) as hub:
        machine = Machine(hub.endpoint, tmp_path)
        try:
            code, out, err = machine.run("models", "pull", NAME, "--quantize", "q8_0")
            assert code == 0, err
            assert out.startswith(f"{NAME}:q8_0: ")
            assert "it is a checkpoint, and exported after the download" in err
            shown = machine.run("models", "show", f"{NAME}:q8_0").out
            ran = machine.run("generate", "x", "--model", f"{NAME}:q8_0", "--max-tokens", "2")
        finally:
            machine.kill()
    assert f"source       {NAME}@{COMMIT}" in shown
    assert "license      apache-2.0" in shown
    assert "model-q8_0.gguf" in shown
    assert "unfinished" in ran.err
    (folder,) = (tmp_path / "data" / "models").glob("[!.]*")
    assert sorted(file.name for file in folder.iterdir()) == [
        "model-q8_0.gguf",
        "ondevice.json",
        "tokenizer.json",
    ]
    fetched = {request.rpartition("/")[2] for request in hub.requests}
    assert not {"pytorch_model.bin", "model.onnx"} & fetched
    left = [path for path in folder.parent.iterdir() if path.is_dir()]
    assert left == [folder]


def test_what_an_export_needs_is_said_before_the_download(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = (RemoteFile("model.safetensors", 10**9, "0" * 64, None),)
    repository = Repository(NAME, COMMIT, "mit", files)
    plan = Plan(Reference(NAME, NAME, "main"), repository, files, is_checkpoint=True)
    find = importlib.util.find_spec

    def without_torch(name: str) -> Any:
        return None if name == "torch" else find(name)

    monkeypatch.setattr(importlib.util, "find_spec", without_torch)
    with pytest.raises(
        DependencyError, match=r"needs.* torch.*pip install 'ondevice\[export,gguf\]'"
    ):
        pulling._announce(plan)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object())
    pulling._announce(plan)
    assert "have 3.0 GB of memory free" in capsys.readouterr().err
