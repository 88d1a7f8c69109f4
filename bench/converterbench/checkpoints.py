"""Random checkpoints with the tokenizers of their kind."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ondevice.export.texts import held_text

END = "<|endoftext|>"
ADDED = ("<|diff|>", "\n+    ")
SHAPE = {
    "hidden_size": 96,
    "intermediate_size": 160,
    "num_hidden_layers": 2,
    "num_attention_heads": 6,
    "num_key_value_heads": 3,
    "max_position_embeddings": 512,
}
LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}
# As their tokenizer.json have them.
_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|{digits}"
    r"| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def make_tokenizer(pre: str) -> Any:
    """Return a byte-level tokenizer of transformers that splits as llama.cpp's ``pre`` does."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE(ignore_merges=pre == "llama-bpe"))
    digits = {"llama-bpe": r"\p{N}{1,3}", "qwen2": r"\p{N}"}.get(pre)
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=digits is None)
    if digits is not None:
        split = pre_tokenizers.Split(Regex(_WORDS.format(digits=digits)), "isolated")
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, byte_level])
    else:
        tokenizer.pre_tokenizer = byte_level
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([held_text()], trainer)
    tokenizer.add_tokens([AddedToken(text, normalized=False) for text in ADDED])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END)


def make(folder: Path, kind: str, pre: str, **settings: Any) -> Path:
    """Save a random causal model of a transformers configuration with its tokenizer."""
    import torch
    import transformers

    tokenizer = make_tokenizer(pre)
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=640, bos_token_id=None, eos_token_id=0, pad_token_id=None, **SHAPE | settings
    )
    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_config(config)
    for name, parameter in model.named_parameters():
        if parameter.ndim == 1:  # all ones and zeros would hide what was swapped
            torch.nn.init.normal_(parameter, float("norm" in name), 0.2)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    # Some of the classes of tokenizers put theirs in the place of what they read.
    settings_file = folder / "tokenizer_config.json"
    state = json.loads(settings_file.read_text(encoding="utf-8"))
    settings_file.write_text(json.dumps(state | {"chat_template": "{{ messages }}"}))
    return folder


_LLAMA = {"rope_scaling": LLAMA3, "rope_theta": 500_000.0}
_QWEN = {"tie_word_embeddings": True, "rope_theta": 1e6}
CASES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "OLMo": (
        functools.partial(make, kind="Olmo", pre="gpt-2", tie_word_embeddings=True, clip_qkv=0.5),
        "gpt-2",
    ),
    "Llama": (functools.partial(make, kind="Llama", pre="llama-bpe", **_LLAMA), "llama-bpe"),
    "Qwen 2": (functools.partial(make, kind="Qwen2", pre="qwen2", **_QWEN), "qwen2"),
}
"""Makers of checkpoints, and the names of their tokenizers' splitting in llama.cpp."""
