"""The dialect is recognized from the tokenizer, and the prompt follows from it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ondevice.edits import Buffer, Unified
from ondevice.errors import RequestError
from ondevice.export.checkpoint import Checkpoint
from ondevice.export.dialects import choose_dialect, prompt_template
from ondevice.prompts import Chat, Template
from tests.checkpoints import make_checkpoint

CHAT = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


@pytest.fixture(scope="module")
def edits(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return Checkpoint.open(make_checkpoint(tmp_path_factory.mktemp("edits") / "checkpoint"))


@pytest.fixture(scope="module")
def general(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    folder = make_checkpoint(tmp_path_factory.mktemp("general") / "checkpoint")
    path = folder / "tokenizer.json"
    path.write_text(path.read_text().replace("<|diff|>", "<|other|>"))
    (folder / "chat_template.jinja").write_text(CHAT)
    return Checkpoint.open(folder)


def test_recognized(edits: Checkpoint, general: Checkpoint) -> None:
    assert choose_dialect(edits, None) == "lintseq"
    assert choose_dialect(general, None) == "unified"
    assert choose_dialect(edits, "unified") == "unified"


def test_refused(edits: Checkpoint, general: Checkpoint) -> None:
    with pytest.raises(RequestError, match="no dialect 'ed', only lintseq and unified"):
        choose_dialect(edits, "ed")
    with pytest.raises(RequestError, match=r"no token <\|diff\|>"):
        choose_dialect(general, "lintseq")


def test_prompt_of_edit_sequences(edits: Checkpoint) -> None:
    assert prompt_template(edits, "lintseq") == "{instruction}\n<|diff|>"


def test_prompt_of_a_chat_model_is_the_chat(general: Checkpoint) -> None:
    text = prompt_template(general, "unified")
    assert text.count("{instruction}") == 1
    dialect, buffer = Unified("program.py"), Buffer.from_text("a = 1\nb = {2}")
    filled, history = Template(text).fill("add {c}", buffer, dialect)
    from ondevice.backends.onnx_files import read_chat

    chat = read_chat(general.folder)
    assert chat is not None
    assert (filled, history) == Chat(chat).fill("add {c}", buffer, dialect)


def test_prompt_without_a_chat(edits: Checkpoint) -> None:
    text = prompt_template(edits, "unified")
    assert text.index("{instruction}") < text.index("{source}")
    assert text.endswith("```diff\n")
    assert "<|diff|>" not in text


def test_the_manifest_says_so(general: Checkpoint, tmp_path: Path) -> None:
    from ondevice.export import export_checkpoint

    (general.folder / "README.md").write_text("---\nlicense: mit\n---\n")
    export_checkpoint(general.folder, tmp_path / "model", quantize=["q8_0"], name="general")
    written = json.loads((tmp_path / "model" / "ondevice.json").read_text())
    assert (written["dialect"], written["license"]) == ("unified", "mit")
    assert written["source"] == str(general.folder)
    assert "<|assistant|>```diff" in written["prompt_template"]
