"""What a trained model writes is what the constraint allows, token by token.

A constraint that forced other tokens than those of the training text, or refused some of them,
would lead the model to places that it has never seen.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

from llguidance import LLTokenizer

from ondevice.decoding.constraints import LintSeqConstraint
from ondevice.edits import LINTSEQ, SEPARATOR, Buffer
from ondevice.lintseq import refactor
from ondevice.training.recipe import TokenizerSettings
from ondevice.training.tokenizer import END_OF_TEXT, train_tokenizer

NUMBERS = Path(__file__).parents[3] / "bench" / "everyday" / "numbers.jsonl"


def test_training_text_is_allowed_and_forced_tokens_are_its_own() -> None:
    rows = [json.loads(line) for line in NUMBERS.read_text(encoding="utf-8").splitlines()[::8]]
    sequences = [
        LINTSEQ.write_sequence(refactor(row["programs"][0], random.Random(1))) for row in rows
    ]
    tokenizer = train_tokenizer(sequences, TokenizerSettings(vocabulary=800, indentations=3))
    end = tokenizer.token_to_id(END_OF_TEXT)
    constraint = LintSeqConstraint(
        LLTokenizer(tokenizer.to_str()), tokenizer.get_vocab_size(), frozenset({end})
    )
    forced = 0
    for sequence in sequences:
        ids = tokenizer.encode(f"\n{SEPARATOR}{sequence}").ids
        start = ids.index(tokenizer.token_to_id(SEPARATOR)) + 1
        pieces = [tokenizer.decode([token], skip_special_tokens=False) for token in ids[start:]]
        forced += follow(constraint, ids[start:], pieces)
    assert forced > 100


def follow(constraint: LintSeqConstraint, ids: list[int], pieces: list[str]) -> int:
    """Walk the constraint along a sequence; return how many tokens it forced."""
    buffer = Buffer()
    reader = LINTSEQ.reader(buffer)
    constraint.start_edit(buffer)
    forced = 0
    for position, (token, piece) in enumerate(zip(ids, pieces, strict=True)):
        due = constraint.forced()
        forced += bool(due)
        assert ids[position : position + len(due)] == due
        assert constraint.allows(token), "".join(pieces[: position + 1])
        constraint.consume(token)
        version = buffer.version
        reader.feed(piece)
        if buffer.version > version:
            constraint.start_edit(buffer)
        elif constraint.hunk_is_over and position + 1 < len(ids):
            draft = reader.draft
            assert draft.header is not None
            constraint.start_hunk(draft.header.old_start + 1, draft.row - draft.cursor)
    return forced
