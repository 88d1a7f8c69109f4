"""What a trained model writes is what the constraint allows, token by token.

A constraint that forced other tokens than those of the training text, or refused some of them,
would lead the model to places that it has never seen.
"""

from __future__ import annotations

import json
import random
from itertools import pairwise
from pathlib import Path

import pytest
from llguidance import LLTokenizer

from ondevice.decoding.constraints import (
    Constraint,
    Lengths,
    LintSeqConstraint,
    UnifiedConstraint,
)
from ondevice.edits import LINTSEQ, SEPARATOR, UNIFIED, Buffer, Dialect, diff
from ondevice.lintseq import refactor
from ondevice.training.recipe import TokenizerSettings
from ondevice.training.tokenizer import END_OF_TEXT, train_tokenizer

from .walking import bpe_vocabulary

NUMBERS = Path(__file__).parents[3] / "bench" / "everyday" / "numbers.jsonl"


def programs() -> list[list[str]]:
    """Programs, those for the same task together."""
    rows = NUMBERS.read_text(encoding="utf-8").splitlines()
    return [json.loads(row)["programs"] for row in rows[::8]]


@pytest.mark.parametrize("lengths", ["announced", "written"])
def test_training_text_is_allowed_and_forced_tokens_are_its_own(lengths: Lengths) -> None:
    sequences = [
        LINTSEQ.write_sequence(refactor(variants[0], random.Random(1))) for variants in programs()
    ]
    tokenizer = train_tokenizer(sequences, TokenizerSettings(vocabulary=800, indentations=3))
    end = tokenizer.token_to_id(END_OF_TEXT)
    constraint = LintSeqConstraint(
        LLTokenizer(tokenizer.to_str()),
        tokenizer.get_vocab_size(),
        frozenset({end}),
        lengths=lengths,
    )
    forced = 0
    for sequence in sequences:
        ids = tokenizer.encode(f"\n{SEPARATOR}{sequence}").ids
        start = ids.index(tokenizer.token_to_id(SEPARATOR)) + 1
        pieces = [tokenizer.decode([token], skip_special_tokens=False) for token in ids[start:]]
        forced += follow(constraint, LINTSEQ, Buffer(), ids[start:], pieces)
    assert forced > 100


@pytest.mark.parametrize("context", [1, 3])
def test_the_diffs_of_git_are_allowed_and_forced_tokens_are_their_own(context: int) -> None:
    vocabulary = bpe_vocabulary()
    constraint = UnifiedConstraint(*vocabulary.arguments)
    forced = hunks = 0
    for variants in programs():
        for before, after in pairwise(["", *variants]):
            buffer, target = Buffer.from_text(before), Buffer.from_text(after)
            edit = diff(buffer, target, context)
            ids = vocabulary.tokenizer.tokenize_str(UNIFIED.write(edit))
            pieces = [vocabulary.text([token]) for token in ids]
            forced += follow(constraint, UNIFIED, buffer, ids, pieces)
            assert constraint.allows(vocabulary.end)
            assert constraint.mending(vocabulary.end) is None
            hunks += len(edit.hunks)
    assert hunks > 50
    assert forced > 500


def follow(
    constraint: Constraint, dialect: Dialect, buffer: Buffer, ids: list[int], pieces: list[str]
) -> int:
    """Walk the constraint along a sequence; return how often it forced tokens."""
    reader = dialect.reader(buffer)
    constraint.start_edit(buffer)
    forced = 0
    for position, (token, piece) in enumerate(zip(ids, pieces, strict=True)):
        due = constraint.forced()
        forced += bool(due)
        assert ids[position : position + len(due)] == due
        assert constraint.allows(token), "".join(pieces[: position + 1])
        assert constraint.mending(token) is None
        constraint.consume(token)
        version = buffer.version
        reader.feed(piece)
        if buffer.version > version:
            constraint.start_edit(buffer)
    return forced
