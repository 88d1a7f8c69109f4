"""Tokenizers of every kind give the same tokens in GGUF as in Hugging Face's library."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ondevice.backends import open_backend
from ondevice.errors import ModelFormatError
from ondevice.export.checkpoint import Checkpoint
from ondevice.export.gguf import export_gguf
from ondevice.export.gguf_tokenizers import read_tokenizer
from ondevice.export.gguf_tokenizers.byte_level import _split
from tests.checkpoints import MIXED_TEXTS, SOURCE, make_checkpoint, save_random

SHAPE = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "max_position_embeddings": 256,
}


def texts() -> list[str]:
    """Mixed text, and runs of spaces up to 256, and random pieces of all that."""
    rng = random.Random(1)
    whole = SOURCE + "".join(MIXED_TEXTS).replace("<|diff|>", "")
    pieces = []
    for _ in range(200):
        start = rng.randrange(len(whole))
        pieces.append(whole[start : start + rng.randrange(1, 60)])
    runs = [" " * count + "x" for count in (1, 2, 3, 7, 8, 31, 64, 256)]
    return [whole, *MIXED_TEXTS[:3], *runs, *pieces]


def byte_level(digits: str, *, ignore_merges: bool = False) -> Any:
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    pattern = Regex(_split(digits)["pattern"]["Regex"])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(pattern, "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=700,
        special_tokens=["<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([SOURCE], trainer)
    return tokenizer


def llama_3() -> Any:
    from tokenizers import processors

    tokenizer = byte_level(r"\p{N}{1,3}", ignore_merges=True)
    tokenizer.post_processor = processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing("<s> $A", "<s> $A <s> $B", [("<s>", 0)]),
        ]
    )
    return tokenizer


def qwen() -> Any:
    from tokenizers import normalizers

    tokenizer = byte_level(r"\p{N}")
    tokenizer.normalizer = normalizers.NFC()
    return tokenizer


def sentencepiece(*, prefix: bool) -> Any:
    from tokenizers import Tokenizer, decoders, models, normalizers, trainers

    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    replace = normalizers.Replace(" ", "▁")
    first = [normalizers.Prepend("▁")] if prefix else []
    tokenizer.normalizer = normalizers.Sequence([*first, replace])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=900,
        special_tokens=["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))],
        show_progress=False,
    )
    tokenizer.train_from_iterator([SOURCE.replace("\n", " \n ")], trainer)
    return tokenizer


KINDS: dict[str, Callable[[], Any]] = {
    "llama 3": llama_3,
    "qwen 2": qwen,
    "llama 2": lambda: sentencepiece(prefix=True),
    "gemma": lambda: sentencepiece(prefix=False),
}


def saved(tokenizer: Any, folder: Path) -> Path:
    from transformers import LlamaConfig, PreTrainedTokenizerFast

    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", model_max_length=256
    )
    return save_random(folder, LlamaConfig, tokenizer=wrapped, **SHAPE)


@pytest.mark.parametrize("kind", KINDS)
def test_tokens_are_the_same(kind: str, tmp_path: Path) -> None:
    tokenizer = KINDS[kind]()
    folder = saved(tokenizer, tmp_path / "checkpoint")
    export_gguf(Checkpoint.open(folder), tmp_path / "model.gguf", "f16", name="x")
    with open_backend(tmp_path / "model.gguf") as backend:
        for text in texts():
            expected = tokenizer.encode(text, add_special_tokens=False).ids
            assert backend.tokenize(text) == expected, text
            data = b"".join(map(backend.token_bytes, expected))
            assert data.decode().removeprefix(" " if kind == "llama 2" else "") == text
        bos = tokenizer.token_to_id("<s>")
        assert backend.prefix_tokens == ((bos,) if kind == "llama 3" else ())


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        ("gemma", {"normalizer": None}, "does not write spaces as"),
        ("gemma", {"normalizer": {"type": "NFKC"}}, "changes a text by"),
        ("qwen 2", {"post_processor": {"type": "RobertaProcessing"}}, "adds tokens"),
    ],
)
def test_what_cannot_be_said_is_refused(
    kind: str, change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    checkpoint = Checkpoint.open(saved(KINDS[kind](), tmp_path / "checkpoint"))
    checkpoint.tokenizer.update(change)
    with pytest.raises(ModelFormatError, match=message):
        read_tokenizer(checkpoint)


def test_a_chat_template_goes_along(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / "checkpoint")
    (folder / "chat_template.jinja").write_text("{{ messages[0].content }}")
    export_gguf(Checkpoint.open(folder), tmp_path / "model.gguf", "f16", name="x")
    with open_backend(tmp_path / "model.gguf") as backend:
        assert backend.chat is not None
        assert backend.chat.template == "{{ messages[0].content }}"
        assert backend.chat.eos_token == "<|endoftext|>"
