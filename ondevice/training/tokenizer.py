"""A byte-level BPE tokenizer for edit sequences, in which diff syntax costs few tokens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ondevice.edits import SEPARATOR
from ondevice.training.recipe import TokenizerSettings

if TYPE_CHECKING:
    from tokenizers import Tokenizer

END_OF_TEXT = "<|endoftext|>"


def train_tokenizer(texts: Iterable[str], settings: TokenizerSettings) -> Tokenizer:
    """Train on the texts and return the tokenizer.

    Line starts (``\\n+`` with its indentation) and two pieces of the hunk header are added tokens:
    no pre-tokenizer that llama.cpp knows would let a merge cross from the line end to the
    indentation. None of them overlaps another except as a prefix, so that every implementation
    matches them alike. Digits stay single, which keeps line numbers regular. The pre-tokenizer is
    the one that llama.cpp calls "smollm".
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    line_starts = ["\n+" + "    " * depth for depth in range(settings.indentations + 1)]
    added = [SEPARATOR, *line_starts, "@@ -", ",0 +"]
    trainer = trainers.BpeTrainer(
        vocab_size=settings.vocabulary - len(added),
        special_tokens=[END_OF_TEXT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_without(texts, added), trainer)
    tokenizer.add_tokens([AddedToken(text, special=False, normalized=False) for text in added])
    return tokenizer


def _without(texts: Iterable[str], pieces: list[str]) -> Iterable[str]:
    """Yield what the merges will see: the text between the added tokens."""
    for text in texts:
        for piece in sorted(pieces, key=len, reverse=True):
            text = text.replace(piece, "\0")
        yield from text.split("\0")
