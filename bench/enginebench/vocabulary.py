"""A byte-level tokenizer of 50,000 tokens, trained on the standard library."""

from __future__ import annotations

import sysconfig
from collections.abc import Iterator
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from ondevice.edits import SEPARATOR
from ondevice.training.tokenizer import END_OF_TEXT

SIZE = 50_281
LONGEST_RUN = 24
"""Spaces of the longest token of spaces; OLMo's tokenizer has them added one by one, too."""


def large_tokenizer(file: Path) -> Tokenizer:
    """Return the tokenizer that ``file`` holds; train it where it does not exist.

    Runs of spaces and ``<|diff|>`` are added tokens, as in TinyCodeLM's tokenizer, and there are as
    many tokens: 50,281.
    """
    if file.exists():
        return Tokenizer.from_file(str(file))
    added = [" " * length for length in range(LONGEST_RUN, 1, -1)]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=SIZE - len(added) - 1,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_texts(), trainer)
    tokenizer.add_tokens([AddedToken(text, normalized=False) for text in [*added, SEPARATOR]])
    file.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(file))
    return tokenizer


def _texts() -> Iterator[str]:
    library = Path(sysconfig.get_path("stdlib"))
    for path in sorted(library.rglob("*.py")):
        if "site-packages" not in path.parts:
            yield path.read_text(encoding="utf-8", errors="ignore")
