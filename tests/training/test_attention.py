"""Packed documents do not see each other."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from ondevice.training.attention import implementation, mask  # noqa: E402
from ondevice.training.batch import Batch  # noqa: E402
from ondevice.training.pretraining import packing  # noqa: E402
from ondevice.training.recipe import ModelSettings  # noqa: E402
from ondevice.training.trainer import build_model  # noqa: E402

END = 0
DOCUMENTS = [[3, 1, 4, 1, 5, END], [9, 2, 6, END], [5, 3, END], [7, END]]
CPU = torch.device("cpu")


@pytest.fixture
def packed() -> Batch:
    row = [token for document in DOCUMENTS for token in document]
    return packing.batch(np.array([row, row[::-1]], np.uint16), END)


@pytest.mark.parametrize("kind", ["sdpa", "flex_attention"])
def test_a_packed_document_is_read_as_if_alone(
    packed: Batch, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ondevice.training.attention.implementation", lambda device: kind)
    torch.manual_seed(1)
    settings = ModelSettings(layers=2, width=32, feed_forward=64, heads=2, context=64)
    model = build_model(settings, 10, END, kind).eval()
    ids = torch.from_numpy(packed.ids)
    with torch.no_grad():
        together = model(input_ids=ids, attention_mask=mask(packed, CPU)).logits[0]
        model.set_attn_implementation("eager")
        place = 0
        for document in DOCUMENTS:
            alone = model(input_ids=torch.tensor([document])).logits[0]
            seen = together[place : place + len(document)]
            torch.testing.assert_close(seen, alone, atol=1e-5, rtol=1e-4)
            place += len(document)


def test_rows_of_one_document_need_no_mask() -> None:
    ids = np.zeros((2, 3), np.int64)
    assert mask(Batch(ids, ids), CPU) is None


def test_processors_train_with_sdpa() -> None:
    assert implementation(CPU) == "sdpa"
    assert implementation(torch.device("cuda")) == "flex_attention"
