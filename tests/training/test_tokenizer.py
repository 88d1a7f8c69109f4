from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ondevice.edits import TEMPLATE
from ondevice.training.recipe import DataSettings, TokenizerSettings
from ondevice.training.tokenizer import END_OF_TEXT, train_tokenizer
from ondevice.training.tuning.mixture import Mixture

if TYPE_CHECKING:
    from tokenizers import Tokenizer

EVERYDAY = Path(__file__).parents[2] / "bench" / "everyday"


@pytest.fixture(scope="module")
def mixture(tmp_path_factory: pytest.TempPathFactory) -> Mixture:
    folder = tmp_path_factory.mktemp("tasks")
    for name in ("strings.jsonl", "split.json"):
        shutil.copy(EVERYDAY / name, folder)
    mixture, _ = Mixture.read(DataSettings(folder, linter="none", programs=1, drawn=1), 1)
    return mixture


def epoch(mixture: Mixture, seed: int) -> list[str]:
    return [
        TEMPLATE.replace("{instruction}", example.instruction) + example.answer + END_OF_TEXT
        for example in mixture.epoch(random.Random(seed))
    ]


@pytest.fixture(scope="module")
def texts(mixture: Mixture) -> list[str]:
    return epoch(mixture, 1)


@pytest.fixture(scope="module")
def tokenizer(texts: list[str]) -> Tokenizer:
    return train_tokenizer(texts, TokenizerSettings(vocabulary=2048))


def tokens(tokenizer: Tokenizer, text: str) -> list[str]:
    return list(tokenizer.encode(text).tokens)


def test_texts_come_back_exactly(tokenizer: Tokenizer, texts: list[str], mixture: Mixture) -> None:
    sequences = epoch(mixture, 2)
    odd = ["naïve café 日本語 🙂\t\r\n\x0c\u2028", "\n+\n+ \n+   x\n+\tx", "@@ -@@ -1,0 +,0 +", ""]
    for text in [*texts, *sequences, *odd]:
        ids = tokenizer.encode(text).ids
        assert tokenizer.decode(ids, skip_special_tokens=False) == text


@pytest.mark.parametrize(
    "piece",
    ["<|diff|>", END_OF_TEXT, "@@ -", ",0 +", "\n+", "\n+    ", "\n+        ", "\n+" + " " * 24],
)
def test_syntax_is_one_token(tokenizer: Tokenizer, piece: str) -> None:
    assert len(tokenizer.encode(piece).ids) == 1
    around = tokenizer.encode(f"x{piece}y").ids
    assert around == [tokenizer.token_to_id(text) for text in ("x", piece, "y")]


def test_the_separator_survives_decoding_and_the_end_does_not(tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode(f"a<|diff|>b{END_OF_TEXT}").ids
    assert tokenizer.decode(ids, skip_special_tokens=True) == "a<|diff|>b"


def test_digits_stay_single(tokenizer: Tokenizer, texts: list[str]) -> None:
    assert tokens(tokenizer, "1024") == ["1", "0", "2", "4"]
    added = {"<|diff|>", END_OF_TEXT, ",0 +"}
    for token in tokenizer.get_vocab():
        assert token in added or len(token) == 1 or not any(map(str.isdigit, token)), token


def test_a_hunk_header_costs_few_tokens(tokenizer: Tokenizer) -> None:
    assert tokens(tokenizer, "<|diff|>@@ -7,0 +8,2 @@\n+    ") == [
        *("<|diff|>", "@@ -", "7", ",0 +", "8", ",", "2", "Ġ@@", "\n+    ")
    ]


def test_a_token_holds_several_characters(tokenizer: Tokenizer, mixture: Mixture) -> None:
    sequences = [example.answer for example in mixture.epoch(random.Random(3))]
    counts = [len(encoding.ids) for encoding in tokenizer.encode_batch(sequences)]
    assert sum(map(len, sequences)) / sum(counts) > 2.5


def test_the_vocabulary_is_as_large_as_asked(tokenizer: Tokenizer) -> None:
    assert tokenizer.get_vocab_size() == 2048
    assert sorted(tokenizer.get_vocab().values()) == list(range(2048))


def test_training_is_deterministic(tokenizer: Tokenizer, texts: list[str]) -> None:
    again = train_tokenizer(texts, TokenizerSettings(vocabulary=2048))
    assert again.to_str() == tokenizer.to_str()


def test_the_settings_say_how_many_indentations_are_tokens(texts: list[str]) -> None:
    shallow = train_tokenizer(texts[:50], TokenizerSettings(vocabulary=300, indentations=1))
    assert shallow.token_to_id("\n+    ") is not None
    assert shallow.token_to_id("\n+        ") is None
