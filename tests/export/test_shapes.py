"""Checkpoints of odd shapes, and those that cannot be exported."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ondevice.backends.gguf_header import read_header
from ondevice.errors import ModelFormatError
from ondevice.export import export_checkpoint
from ondevice.export.architectures.base import permuted
from ondevice.export.checkpoint import Checkpoint
from ondevice.export.gguf import export_gguf
from ondevice.export.gguf_tokenizers import read_tokenizer
from ondevice.export.gguf_tokenizers.base import CONTROL, NORMAL, UNUSED, USER_DEFINED
from tests.checkpoints import ADDED, PROMPTS, make_checkpoint

CARD = {"name": "random", "license": "Apache-2.0", "source": "tests"}


@pytest.mark.parametrize(
    "shape",
    [
        {"hidden": 96, "heads": 6, "kv_heads": 3},
        {"tied": False, "rope_theta": 500_000.0},
        {"heads": 4, "kv_heads": 4, "context": 128},
        {"hidden": 80, "heads": 5, "kv_heads": 1},  # rows that are no multiple of Q8_0's blocks
    ],
)
def test_odd_shapes_agree(tmp_path: Path, shape: dict[str, Any]) -> None:
    checkpoint = make_checkpoint(tmp_path / "checkpoint", **shape)
    report = export_checkpoint(checkpoint, tmp_path / "model", prompts=PROMPTS[:1], **CARD)
    assert len(report.files) == 4
    for exported in report.files:
        if exported.file.quantization in ("f16", "fp32"):
            assert exported.agreement.largest < 2e-3
            assert exported.agreement.greedy_equal >= exported.agreement.greedy_total - 1


def test_bfloat16_checkpoint_agrees(tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    checkpoint = make_checkpoint(tmp_path / "checkpoint")
    model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.bfloat16)
    model.save_pretrained(checkpoint)
    export_checkpoint(checkpoint, tmp_path / "model", quantize=["f16", "fp32"], **CARD)


def test_permutation_interleaves_the_halves_of_each_head() -> None:
    rows = np.arange(8, dtype=np.float32)[:, None]
    assert permuted(rows, 2)[:, 0].tolist() == [0, 2, 1, 3, 4, 6, 5, 7]


def test_token_types(checkpoint: Path) -> None:
    tokenizer = read_tokenizer(Checkpoint.open(checkpoint))
    assert tokenizer.pre == "smollm"
    assert tokenizer.tokens[: len(ADDED) + 1] == ["<|endoftext|>", *ADDED]
    assert tokenizer.types[: len(ADDED) + 1] == [CONTROL] + [USER_DEFINED] * len(ADDED)
    assert {*tokenizer.types[len(ADDED) + 1 : 564]} == {NORMAL}
    assert {*tokenizer.types[564:]} == {UNUSED}
    assert (tokenizer.bos, tokenizer.eos) == (None, 0)


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.mark.parametrize(
    ("file", "values", "message"),
    [
        ("tokenizer.json", {"normalizer": {"type": "Lowercase"}}, "normalizer"),
        ("tokenizer.json", {"pre_tokenizer": {"type": "Whitespace"}}, "pre-tokenizer"),
        ("tokenizer.json", {"post_processor": {"type": "BertProcessing"}}, "adds tokens"),
        ("config.json", {"architectures": ["MambaForCausalLM"]}, "MambaForCausalLM"),
        ("config.json", {"rope_scaling": {"type": "yarn", "factor": 2.0}}, "'yarn'"),
        ("config.json", {"vocab_size": 500}, "embedding has only 500 rows"),
    ],
)
def test_what_gguf_cannot_express(
    tmp_path: Path, file: str, values: dict[str, Any], message: str
) -> None:
    folder = make_checkpoint(tmp_path / "checkpoint")
    change(folder / file, **values)
    with pytest.raises(ModelFormatError, match=message):
        export_gguf(Checkpoint.open(folder), tmp_path / "model.gguf", "f16", name="x")


def exact(checkpoint: Path, model: Path) -> list[float]:
    report = export_checkpoint(checkpoint, model, quantize=["f16", "fp32"], **CARD)
    return [exported.agreement.largest for exported in report.files]


def test_checkpoint_of_transformers_5_agrees(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / "checkpoint", rope_theta=500_000.0)
    config = json.loads((folder / "config.json").read_text())
    theta = config.pop("rope_theta")
    config["rope_parameters"] = {"rope_theta": theta, "rope_type": "default"}
    config["dtype"] = config.pop("dtype", config.pop("torch_dtype", "float32"))
    (folder / "config.json").write_text(json.dumps(config))
    change(folder / "tokenizer_config.json", tokenizer_class="TokenizersBackend")
    assert max(exact(folder, tmp_path / "model")) < 2e-3
    assert json.loads((folder / "config.json").read_text()) == config  # it is left as it was
    header = read_header(tmp_path / "model" / "model-f16.gguf")
    assert header["llama.rope.freq_base"] == 500_000.0


def test_rope_parameters_of_another_kind(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / "checkpoint")
    change(folder / "config.json", rope_parameters={"full_attention": {"rope_theta": 1.0}})
    with pytest.raises(ModelFormatError, match="does not know rope_parameters of its kind"):
        Checkpoint.open(folder)


def test_shards_and_files_of_torch_save_agree(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    folder = make_checkpoint(tmp_path / "checkpoint")
    shutil.copytree(folder, tmp_path / "bin")
    shutil.copytree(folder, tmp_path / "shards")
    tensors = load_file(folder / "model.safetensors")
    (tmp_path / "bin" / "model.safetensors").unlink()
    torch.save(tensors, tmp_path / "bin" / "pytorch_model.bin")
    model = transformers_model(folder)
    (tmp_path / "shards" / "model.safetensors").unlink()
    model.save_pretrained(tmp_path / "shards", max_shard_size="100KB")
    assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 1
    for kind in ("bin", "shards"):
        assert max(exact(tmp_path / kind, tmp_path / f"model-{kind}")) < 2e-3
        assert (
            Checkpoint.open(tmp_path / kind).count_parameters()
            == Checkpoint.open(folder).count_parameters()
        )


def transformers_model(folder: Path) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder)


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("pwned",)


@pytest.mark.parametrize("content", ["evil", b"", b"PK\x03\x04 no archive"])
def test_a_pickle_is_never_executed(
    tmp_path: Path, content: str | bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.chdir(tmp_path)
    folder = make_checkpoint(tmp_path / "checkpoint")
    (folder / "model.safetensors").unlink()
    path = folder / "pytorch_model.bin"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save({"model.norm.weight": Evil()}, path)
    with pytest.raises(ModelFormatError, match=r"pytorch_model\.bin holds more or less than tens"):
        export_gguf(Checkpoint.open(folder), tmp_path / "model.gguf", "f16", name="x")
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json"])
def test_incomplete_checkpoint(tmp_path: Path, name: str) -> None:
    folder = make_checkpoint(tmp_path / "checkpoint")
    (folder / name).unlink()
    with pytest.raises(ModelFormatError, match=name):
        Checkpoint.open(folder)
