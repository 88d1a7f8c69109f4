"""The two real backends against each other, and against transformers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ondevice.backends import open_backend
from ondevice.backends.base import ChatFormat
from ondevice.backends.onnx_files import read_chat
from ondevice.errors import ModelFormatError
from tests.checkpoints import MIXED_TEXTS, SOURCE

KNOWN = 564  # tokens; the embedding of the checkpoint has more rows


@pytest.fixture(scope="module")
def tokens(checkpoint: Path) -> list[int]:
    from tokenizers import Tokenizer

    ids: list[int] = Tokenizer.from_file(str(checkpoint / "tokenizer.json")).encode(SOURCE).ids
    return ids[:400]


@pytest.fixture(scope="module")
def expected(checkpoint: Path, tokens: list[int]) -> Any:
    torch = pytest.importorskip("torch")
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(checkpoint)
    with torch.no_grad():
        return model(torch.tensor([tokens])).logits[0, -1, :KNOWN].numpy()


def test_onnx_logits_are_those_of_transformers(
    onnx_folder: Path, tokens: list[int], expected: Any
) -> None:
    with open_backend(onnx_folder) as backend:
        found = backend.evaluate([(0, tokens)])[0, :KNOWN]
    assert np.abs(found - expected).max() < 1e-5 * np.ptp(expected)


def test_llama_cpp_logits_are_those_of_transformers(
    gguf_file: Path, tokens: list[int], expected: Any
) -> None:
    pytest.importorskip("llama_cpp")
    with open_backend(gguf_file) as backend:
        found = backend.evaluate([(0, tokens)])[0, :KNOWN]
    assert np.abs(found - expected).max() < 2e-3 * np.ptp(expected)


def test_tokens_are_those_of_transformers(
    checkpoint: Path, onnx_folder: Path, gguf_file: Path
) -> None:
    pytest.importorskip("llama_cpp")
    transformers = pytest.importorskip("transformers")
    original = transformers.AutoTokenizer.from_pretrained(checkpoint)
    with open_backend(onnx_folder) as onnx, open_backend(gguf_file) as llama_cpp:
        for text in MIXED_TEXTS:
            wanted = original(text, add_special_tokens=False).input_ids
            assert onnx.tokenize(text) == wanted
            assert llama_cpp.tokenize(text) == wanted


def test_threads_do_not_change_logits(gguf_file: Path, tokens: list[int]) -> None:
    pytest.importorskip("llama_cpp")
    found = []
    for threads in (1, 2):
        with open_backend(gguf_file, threads=threads) as backend:
            found.append(backend.evaluate([(0, tokens[:50])]))
    np.testing.assert_array_equal(*found)


def test_an_interrupted_evaluation_leaves_the_sequence(
    gguf_file: Path, tokens: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("llama_cpp")
    from ondevice.backends.llama_cpp import LlamaCppBackend

    with LlamaCppBackend(gguf_file) as backend:
        backend.evaluate([(0, tokens[:10])])
        decode = backend._decode
        calls = iter([decode, decode])

        def interrupted() -> None:
            step = next(calls, None)
            if step is None:
                raise KeyboardInterrupt
            step()

        monkeypatch.setattr(backend, "_decode", interrupted)
        with pytest.raises(KeyboardInterrupt):
            backend.evaluate([(0, tokens[10:])])
        monkeypatch.undo()
        assert backend.length(0) == 10
        again = backend.evaluate([(0, tokens[10:20])])
        backend.truncate(0, 0)
        backend.evaluate([(0, tokens[:10])])
        np.testing.assert_array_equal(backend.evaluate([(0, tokens[10:20])]), again)


def test_llama_cpp_is_silent(
    gguf_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("llama_cpp")
    open_backend(gguf_file).close()
    damaged = tmp_path / "model.gguf"
    damaged.write_bytes(gguf_file.read_bytes().replace(b"attn_q", b"attn_x"))
    with pytest.raises(ModelFormatError, match="attn_q"):
        open_backend(damaged)
    assert capfd.readouterr() == ("", "")


def test_nothing_is_written_at_home(onnx_folder: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from ondevice.backends import open_backend\n"
        "with open_backend(sys.argv[1]) as backend:\n"
        "    backend.evaluate([(0, backend.tokenize('hello'))])\n"
    )
    home = {"HOME": str(tmp_path), "USERPROFILE": str(tmp_path), "XDG_CACHE_HOME": ""}
    environment = {**os.environ, **home}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    subprocess.run([sys.executable, "-c", code, str(onnx_folder)], env=environment, check=True)
    assert list(tmp_path.iterdir()) == []


def test_opening_imports_no_training_library(onnx_folder: Path) -> None:
    code = (
        "import sys; from ondevice.backends import open_backend\n"
        "assert not {'onnxruntime', 'llama_cpp', 'llguidance'} & {*sys.modules}\n"
        "open_backend(sys.argv[1]).close()\n"
        "assert not {'torch', 'transformers', 'optimum', 'llama_cpp'} & {*sys.modules}\n"
    )
    subprocess.run([sys.executable, "-c", code, str(onnx_folder)], check=True)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, None),
        ({"tokenizer_config.json": "{}"}, None),
        (
            {"tokenizer_config.json": '{"chat_template": "x", "eos_token": {"content": "</s>"}}'},
            ChatFormat("x", "", "</s>"),
        ),
        (
            {
                "tokenizer_config.json": '{"chat_template": "x", "bos_token": "<s>"}',
                "chat_template.jinja": "y\n",
            },
            ChatFormat("y\n", "<s>"),
        ),
        (
            {
                "tokenizer_config.json": '{"chat_template": [{"name": "tool_use", "template": "t"},'
                '{"name": "default", "template": "d"}]}'
            },
            ChatFormat("d"),
        ),
    ],
    ids=["none", "no template", "settings", "file", "several"],
)
def test_chat_formats_beside_a_graph(
    files: dict[str, str], expected: ChatFormat | None, tmp_path: Path
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert read_chat(tmp_path) == expected


def test_damaged_settings_beside_a_graph(tmp_path: Path) -> None:
    (tmp_path / "tokenizer_config.json").write_text("{")
    with pytest.raises(ModelFormatError, match=r"tokenizer_config.json is damaged"):
        read_chat(tmp_path)


def test_a_token_takes_its_keys_and_values_in_the_cache(
    checkpoint: Path, onnx_folder: Path, gguf_file: Path
) -> None:
    pytest.importorskip("llama_cpp")
    shape = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))
    heads = shape["num_key_value_heads"]
    width = shape["hidden_size"] // shape["num_attention_heads"]
    numbers = 2 * shape["num_hidden_layers"] * heads * width
    with open_backend(onnx_folder) as backend:
        assert backend.cache_bytes_per_token == 4 * numbers
    with open_backend(gguf_file) as backend:
        assert backend.cache_bytes_per_token == 2 * numbers
