"""Fused attention computes the same, for every architecture that it is offered for."""

from __future__ import annotations

from pathlib import Path

import pytest

from ondevice.errors import ModelFormatError
from ondevice.export import export_checkpoint
from ondevice.export.architectures import ARCHITECTURES
from ondevice.export.attention import FUSIBLE
from tests.checkpoints import save_random
from tests.export.test_architectures import CASES

FUSED = [case for case, (name, _) in CASES.items() if f"{name}ForCausalLM" in FUSIBLE]


def save(case: str, folder: Path) -> Path:
    import transformers

    name, settings = CASES[case]
    return save_random(folder, getattr(transformers, f"{name}Config"), **settings)


@pytest.mark.parametrize("case", FUSED)
def test_logits_and_greedy_text_agree(case: str, tmp_path: Path) -> None:
    folder = save(case, tmp_path / "checkpoint")
    report = export_checkpoint(
        folder, tmp_path / "model", quantize=["fp32"], name="random", fused=True
    )
    found = report.files[0].agreement
    assert found.largest < 1e-5
    assert found.greedy_equal == found.greedy_total


def test_the_graph_is_smaller_and_quantizes(tmp_path: Path) -> None:
    import onnx

    folder, nodes = save("Llama", tmp_path / "checkpoint"), []
    for fused in (False, True):
        made = export_checkpoint(
            folder,
            tmp_path / "model",
            quantize=["int8", "int4", "fp32"],
            name="random",
            formats=["onnx"],
            fused=fused,
        )
        assert len(made.files) == 3
        nodes.append([node.op_type for node in onnx.load(made.folder / "model.onnx").graph.node])
    assert len(nodes[1]) < len(nodes[0]) / 2
    assert nodes[1].count("GroupQueryAttention") == 2
    assert "Softmax" not in nodes[1]


def test_every_fusible_architecture_has_a_case() -> None:
    assert {f"{CASES[case][0]}ForCausalLM" for case in FUSED} == set(FUSIBLE)
    assert set(FUSIBLE) < set(ARCHITECTURES)


def test_others_are_refused(tmp_path: Path) -> None:
    folder = save("Gemma 2", tmp_path / "checkpoint")
    with pytest.raises(ModelFormatError, match="attention of Gemma2ForCausalLM cannot be fused"):
        export_checkpoint(folder, tmp_path / "model", quantize=["fp32"], name="random", fused=True)
