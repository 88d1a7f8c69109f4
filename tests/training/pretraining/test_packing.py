"""Documents in rows: nothing is lost, and nothing learns from a neighbor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers

from ondevice.training.batch import IGNORED
from ondevice.training.pretraining import packing

END = 0


@pytest.fixture(scope="module")
def letters() -> Tokenizer:
    """A token a letter; ``.`` ends a text."""
    vocabulary = {".": END, **{letter: number for number, letter in enumerate("abcdefgh", 1)}}
    tokenizer = Tokenizer(models.WordLevel(vocabulary))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.add_special_tokens([AddedToken(".")])
    return tokenizer


def texts(rows: np.ndarray) -> list[list[int]]:
    """Return the documents that rows hold, by what a row itself says."""
    found = []
    for row in rows.tolist():
        document: list[int] = []
        for token in row:
            document.append(token)
            if token == END:
                found.append(document)
                document = []
        if document:
            found.append(document)
    return [document for document in found if document != [END]]


documents = st.lists(st.text("abcdefgh", min_size=1, max_size=20).map(lambda text: text + "."))


@given(documents=documents, length=st.integers(2, 9))
def test_rows_hold_every_document(
    documents: list[str], length: int, letters: Tokenizer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("rows") / "rows.npy"
    rows = packing.pack(documents, letters, END, length, path)
    assert rows.shape[1] == length
    pieces = []
    for document in documents:
        ids = letters.encode(document).ids
        pieces += [ids[place : place + length] for place in range(0, len(ids), length)]
    assert sorted(texts(rows)) == sorted(piece for piece in pieces if piece != [END])
    assert [name.name for name in path.parent.iterdir()] == ["rows.npy"]


@given(documents=documents, length=st.integers(2, 9))
def test_a_longer_document_can_be_left_out(
    documents: list[str], length: int, letters: Tokenizer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("rows") / "rows.npy"
    rows = packing.pack(documents, letters, END, length, path, whole=True)
    whole = [letters.encode(text).ids for text in documents if len(text) <= length]
    assert sorted(texts(rows)) == sorted(whole)


def test_little_room_is_wasted(letters: Tokenizer, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sizes = rng.integers(1, 30, 2000)
    rows = packing.pack(["a" * size + "." for size in sizes], letters, END, 64, tmp_path / "r.npy")
    assert (sizes + 1).sum() / rows.size > 0.99


class TestBatch:
    ROWS = np.array([[1, 2, END, 3, 4, END], [5, 6, 7, END, END, END]], np.uint16)

    def test_targets_stay_in_their_document(self) -> None:
        batch = packing.batch(self.ROWS, END)
        assert batch.targets.tolist() == [
            [2, END, IGNORED, 4, END, IGNORED],
            [6, 7, END, IGNORED, IGNORED, IGNORED],
        ]
        assert batch.counted == 7

    def test_documents_are_told_apart(self) -> None:
        documents = packing.batch(self.ROWS, END).documents
        assert documents is not None
        assert documents.tolist() == [[0, 0, 0, 1, 1, 1], [0, 0, 0, 0, 1, 2]]

    def test_a_part(self) -> None:
        whole = packing.batch(self.ROWS, END)
        part = whole.part(slice(1, None, 2))
        assert part.ids.tolist() == [self.ROWS[1].tolist()]
        assert part.counted == 3
        assert part.documents is not None
        assert part.documents.tolist() == [[0, 0, 0, 0, 1, 2]]
