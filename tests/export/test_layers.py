"""A fault is found in the layer that it was put into."""

from __future__ import annotations

from pathlib import Path

import pytest

from ondevice.export import layers
from ondevice.export.architectures.base import Config, Tensor
from ondevice.export.checkpoint import Checkpoint
from ondevice.export.gguf import export_gguf
from ondevice.export.onnx import export_onnx
from ondevice.export.reference import Reference
from ondevice.export.texts import held_text
from tests.checkpoints import make_checkpoint

ALLOWED = 1e-3
LAYERS = 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("layers") / "checkpoint", layers=LAYERS)


@pytest.fixture(scope="module")
def reference(folder: Path) -> Reference:
    return Reference(folder, held_text())


@pytest.fixture(scope="module")
def graph(folder: Path) -> Path:
    path = folder.parent / "model.onnx"
    with Checkpoint.open(folder).for_transformers() as readable:
        export_onnx(readable, path)
    return path


def faulty(part: str, name: str, tensor: Tensor, config: Config) -> Tensor:
    """Turn the rows of one tensor around."""
    return tensor[::-1].copy() if part in name else tensor


WHERE = [
    ("embed_tokens", "the first to differ is the embedding:"),
    ("layers.0.mlp.down_proj", "the first to differ is layer 0:"),
    ("layers.2.self_attn.o_proj", "the first to differ is layer 2:"),
    ("layers.3.mlp.up_proj", "layers up to 2 agrees, so the difference is in layer 3, the final"),
]


@pytest.mark.parametrize(("part", "said"), WHERE)
def test_gguf(
    folder: Path,
    reference: Reference,
    part: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        Checkpoint,
        "tensors",
        lambda self, all_of=Checkpoint.tensors: (
            (name, faulty(part, name, tensor, {})) for name, tensor in all_of(self)
        ),
    )
    export_gguf(Checkpoint.open(folder), tmp_path / "model.gguf", "f16", name="x")
    assert said in layers.locate(reference, tmp_path / "model.gguf", ALLOWED)


@pytest.fixture(scope="module")
def fused(folder: Path) -> Path:
    path = folder.parent / "fused.onnx"
    with Checkpoint.open(folder).for_transformers() as readable:
        export_onnx(readable, path, fused=True)
    return path


@pytest.mark.parametrize("form", ["graph", "fused"])
@pytest.mark.parametrize(("part", "said"), WHERE[:3])
def test_onnx(
    reference: Reference,
    form: str,
    part: str,
    said: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    import onnx
    from onnx import numpy_helper

    model = onnx.load(request.getfixturevalue(form))
    module = "/" + part.replace(".", "/").replace("layers/", "layers.")
    node = next(
        n for n in model.graph.node if module in n.name and n.op_type in ("MatMul", "Gather")
    )
    weights = next(w for w in model.graph.initializer if w.name in node.input)
    values = numpy_helper.to_array(weights)[::-1].copy()
    weights.CopyFrom(numpy_helper.from_array(values, weights.name))
    onnx.save(model, tmp_path / "model.onnx")
    assert said in layers.locate(reference, tmp_path / "model.onnx", ALLOWED)


def test_no_layers_no_answer(reference: Reference, graph: Path, tmp_path: Path) -> None:
    import onnx

    model = onnx.load(graph)
    for number, node in enumerate(model.graph.node):
        node.name = f"node{number}"
    onnx.save(model, tmp_path / "model.onnx")
    assert "cannot be told" in layers.locate(reference, tmp_path / "model.onnx", ALLOWED)
    (tmp_path / "model.gguf").write_bytes(b"GGUF, or not")
    assert "cannot be told" in layers.locate(reference, tmp_path / "model.gguf", ALLOWED)


def test_inner_values_are_those_of_the_checkpoint(
    folder: Path, reference: Reference, graph: Path, tmp_path: Path
) -> None:
    export_gguf(Checkpoint.open(folder), tmp_path / "model.gguf", "f32", name="x")
    tokens = reference.held[:20]
    expected = reference.hidden_states(tokens)
    width = expected[0].shape[1]
    for read, path in ((layers.read_gguf, tmp_path / "model.gguf"), (layers.read_onnx, graph)):
        found = read(path, tokens, width)
        assert {*range(-1, LAYERS - 1)} <= found.keys()
        for layer in range(-1, LAYERS - 1):
            assert found[layer] == pytest.approx(expected[layer + 1], abs=5e-3)
