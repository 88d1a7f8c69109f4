"""General models, which have a chat template and no manifest, edit files by unified diffs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import ondevice
from ondevice.backends.base import ChatFormat
from ondevice.backends.scripted import END_TOKEN, ScriptedBackend
from ondevice.cli import main
from ondevice.edits import Buffer, Unified
from ondevice.errors import ModelFormatError
from ondevice.events import Token
from tests.checkpoints import make_tokenizer

TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{{ message.content | trim }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SOURCE = "def f(a):\n    return a\n\n\nprint(f(1))\n"
NAMES = "--- a/f.py\n+++ b/f.py\n"
HUNK = "@@ -1,4 +1,4 @@\n def f(a):\n-    return a\n+    return a + 1\n \n \n"
CHANGED = SOURCE.replace("return a", "return a + 1")


OPENING = b"<|im_start|>assistant\n```diff\n"


def unannounced(text: bytes) -> bytes:
    """Leave out the counts of headers, which mending changes."""
    return re.sub(rb"(,\d+)(?= [@+])", b"", text)


class Plain(ScriptedBackend):
    """A chat model: the separator is text like any other. It answers with ``script``."""

    def __init__(self, script: str, template: str = TEMPLATE) -> None:
        super().__init__(self._wish)
        self._script = script.encode() + b"\0"  # stands for the end of its turn
        self.chat = ChatFormat(template)

    def _wish(self, tokens: Sequence[int]) -> NDArray[np.float32]:
        written = bytes(tokens).rpartition(OPENING)[2]
        row = np.zeros(self.vocab_size, dtype=np.float32)
        places = [len(written)] if self._script.startswith(written) else []
        places += [
            place
            for place in range(len(self._script))
            if unannounced(self._script[:place]) == unannounced(written)
        ]
        wish = self._script[places[0]] if places else 0
        row[wish or END_TOKEN] = 30
        return row

    def tokenize(self, text: str) -> list[int]:
        return list(text.encode())

    @property
    def prompt(self) -> str:
        """What the first request was given before the forced names."""
        text = bytes(token for batch in self.calls for _, tokens in batch for token in tokens)
        before, opening, _ = text.partition(OPENING)
        return (before + opening).decode()


def edit(script: str, source: str = SOURCE, **options: Any) -> tuple[ondevice.Result, Plain]:
    backend = Plain(script)
    model = ondevice.Model(backend, name="general")
    result = model.edit("add one", source=source, path="f.py", check="none", **options)
    return result, backend


@pytest.mark.parametrize("constrain", [True, False])
@pytest.mark.parametrize("end", ["", "```", "```\n", "```\nI have added one.\n"])
def test_a_diff_ends_with_the_text_or_with_a_fence(end: str, constrain: bool) -> None:
    result, _ = edit(NAMES + HUNK + end, constrain=constrain)
    assert result.text == CHANGED
    assert result.finish_reason == "complete"
    assert result.diffs == (NAMES + HUNK,)


def test_a_fence_within_a_line_is_text() -> None:
    hunk = "@@ -1 +1,3 @@\n+# ```\n+```\n def f(a):\n"
    result, _ = edit(NAMES + hunk + "```")
    assert result.text == "# ```\n```\n" + SOURCE


def test_a_fence_mends_the_header_before_it() -> None:
    result, _ = edit(NAMES + HUNK.replace("-1,4 +1,4", "-1,9 +1,7") + "```")
    assert result.diffs == (NAMES + HUNK,)
    assert result.stats.mended_hunks == 1


def test_a_fence_after_the_last_line() -> None:
    result, _ = edit(NAMES + "@@ -1 +1 @@\n-a\n+b\n```", source="a\n")
    assert result.text == "b\n"


def test_the_prompt() -> None:
    _, backend = edit(NAMES + HUNK)
    system, user, reply = backend.prompt.split("<|im_end|>\n")
    assert system.startswith("<|im_start|>system\n")
    assert "unified diff" in system
    assert user == f"<|im_start|>user\nadd one\n\nThis is the file f.py:\n\n```\n{SOURCE}```"
    assert reply == "<|im_start|>assistant\n```diff\n"


def test_a_file_with_fences_stands_in_a_longer_one() -> None:
    _, backend = edit("", source="````\nx\n````\n")
    assert "`````\n````\nx\n````\n`````<|im_end|>" in backend.prompt


def test_a_byte_order_mark_is_kept_and_not_shown() -> None:
    result, backend = edit(NAMES + HUNK, source="\ufeff" + SOURCE)
    assert result.text == "\ufeff" + CHANGED
    assert "\ufeff" not in backend.prompt


def test_line_ends_of_windows() -> None:
    crlf = (HUNK.partition("\n")[0] + "\n") + HUNK.partition("\n")[2].replace("\n", "\r\n")
    result, _ = edit(NAMES + crlf + "```", source=SOURCE.replace("\n", "\r\n"))
    assert result.text == CHANGED.replace("\n", "\r\n")


def test_a_new_file() -> None:
    backend = Plain("--- a/program.py\n+++ b/program.py\n@@ -0,0 +1 @@\n+print(1)\n```")
    result = ondevice.Model(backend, name="general").generate("print 1")
    assert result.text == "print(1)\n"


def test_a_template_that_refuses_system_messages() -> None:
    refusing = (
        "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
        + TEMPLATE
    )
    backend = Plain(NAMES + HUNK, refusing)
    result = ondevice.Model(backend, name="general").edit("add", source=SOURCE, path="f.py")
    assert result.text == CHANGED
    assert backend.prompt.startswith("<|im_start|>user\nYou edit files.")


@pytest.mark.parametrize(
    "template", ["{% if %}", "{{ messages.nothing.more }}", "{{ ''.__class__.__mro__ }}{{ x.y.z }}"]
)
def test_a_template_that_cannot_be_filled_in(template: str) -> None:
    model = ondevice.Model(Plain("", template), name="general")
    with pytest.raises(ModelFormatError, match="chat template cannot be filled in"):
        model.edit("add", source=SOURCE)


def test_a_template_reaches_nothing_but_its_messages() -> None:
    escaping = "{{ messages.__class__.__base__.__subclasses__() }}"
    model = ondevice.Model(Plain("", escaping), name="general")
    with pytest.raises(ModelFormatError, match="unsafe"):
        model.edit("add", source=SOURCE)


def test_the_mark_that_begins_a_text_is_there_once() -> None:
    backend = Plain("", "B" + TEMPLATE)
    backend.prefix_tokens = (ord("B"),)
    ondevice.Model(backend, name="general").edit("add", source=SOURCE, path="f.py", max_tokens=1)
    assert backend.prompt.startswith("B<|im_start|>")


@pytest.fixture(scope="module")
def qwen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Qwen2 with random weights, as a file from a hub is: GGUF, chat template, nothing beside."""
    pytest.importorskip("llama_cpp")
    gguf = pytest.importorskip("gguf")
    path = tmp_path_factory.mktemp("qwen") / "qwen-random.gguf"
    width, layers, heads, kv_heads, hidden = 64, 2, 4, 2, 128
    tokenizer = make_tokenizer()
    vocabulary = [tokenizer.id_to_token(token) for token in range(tokenizer.get_vocab_size())]
    plain = [text if text != "<|diff|>" else "<|other|>" for text in vocabulary]
    control = ["<|im_start|>", "<|im_end|>"]
    tokens = [*plain, *control, *(f"[PAD{number}]" for number in range(30))]
    kinds = [gguf.TokenType.NORMAL] * len(plain) + [gguf.TokenType.CONTROL] * 2
    kinds[plain.index("<|endoftext|>")] = gguf.TokenType.CONTROL
    kinds += [gguf.TokenType.UNUSED] * 30
    state = json.loads(tokenizer.to_str())
    merges = [" ".join(m) if isinstance(m, list) else m for m in state["model"]["merges"]]

    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_context_length(2048)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(hidden)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(1e6)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(merges)
    writer.add_bos_token_id(plain.index("<|endoftext|>"))
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE.replace("{{ bos_token }}", ""))
    rng = np.random.default_rng(0)

    def add(name: str, *shape: int, around: float = 0.0, scale: float = 0.2) -> None:
        values = around + scale * rng.normal(size=shape)
        writer.add_tensor(name, values.astype(np.float32))

    add("token_embd.weight", len(tokens), width)
    add("output_norm.weight", width, around=1.0, scale=0.1)
    kv_width = width // heads * kv_heads
    for layer in range(layers):
        block = f"blk.{layer}."
        for name in ("attn_norm", "ffn_norm"):
            add(f"{block}{name}.weight", width, around=1.0, scale=0.1)
        for name, rows in (("attn_q", width), ("attn_k", kv_width), ("attn_v", kv_width)):
            add(f"{block}{name}.weight", rows, width)
            add(f"{block}{name}.bias", rows)
        add(f"{block}attn_output.weight", width, width)
        add(f"{block}ffn_gate.weight", hidden, width)
        add(f"{block}ffn_up.weight", hidden, width)
        add(f"{block}ffn_down.weight", width, hidden)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.mark.parametrize("source", ["", SOURCE, "\ufeffé = '\\t'\r\n\tx = 1\r\ny = 2"])
def test_a_bare_gguf_edits(qwen: Path, source: str) -> None:
    finished = 0
    with ondevice.load(qwen) as model:
        for seed in range(6):
            result = model.edit(
                "change it",
                source=source,
                path="f.py",
                seed=seed,
                temperature=1.5,
                top_p=1.0,
                check="none",
                max_tokens=400,
            )
            assert result.stats.rejected_edits == 0
            finished += len(result.diffs)
            buffer = Buffer.from_text(source)
            for diff in result.diffs:
                Unified("f.py", buffer.newline).read(diff, buffer)
            assert buffer.text == result.text
    assert finished


def test_the_chat_format_of_a_bare_gguf(qwen: Path) -> None:
    with ondevice.load(qwen) as model:
        events = model.stream("change it", source=SOURCE, path="f.py", max_tokens=60)
        written = "".join(event.text for event in events if isinstance(event, Token))
        assert written.startswith(NAMES + "@@ -")
        assert model._backend.chat is not None
        assert model._backend.chat.eos_token == "<|im_end|>"


def test_the_command_line_edits_with_a_bare_gguf(
    qwen: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "f.py"
    seen = set()
    for seed in range(6):
        file.write_bytes(SOURCE.encode())
        options = ["--model", str(qwen), "--seed", str(seed), "--temperature", "1.5"]
        code = main(["edit", str(file), "x", "--check", "none", "--max-tokens", "400", *options])
        seen.add(code)
        captured = capsys.readouterr()
        if code == 0 and shutil.which("git"):
            assert captured.out.startswith(NAMES)
            command = ["git", "apply", "--whitespace=nowarn"]
            subprocess.run(command, input=captured.out.encode(), cwd=tmp_path, check=True)
    assert 0 in seen
    assert seen <= {0, 1}
