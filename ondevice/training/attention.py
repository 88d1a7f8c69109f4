"""Which tokens of a row see which: those before them in the same document."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ondevice.training.batch import Batch

if TYPE_CHECKING:
    from torch.nn.attention.flex_attention import BlockMask


def implementation(device: torch.device) -> str:
    """Return the name, in transformers, of the attention that is trained with on a device.

    FlexAttention skips the blocks of a row in which no token sees another; on processors it cannot
    be trained with (PyTorch 2.13).
    """
    return "flex_attention" if device.type == "cuda" else "sdpa"


def mask(batch: Batch, device: torch.device) -> Tensor | BlockMask | None:
    """Return what transformers takes as the attention mask of a batch; None is plain causality.

    For SDPA that is a boolean tensor, shape (rows, 1, length, length), for FlexAttention a mask of
    blocks.
    """
    if batch.documents is None:
        return None
    documents = torch.from_numpy(batch.documents).to(device)
    rows, length = documents.shape
    if implementation(device) == "sdpa":
        same = documents[:, None, :, None] == documents[:, None, None, :]
        return same & torch.ones(length, length, dtype=torch.bool, device=device).tril()
    from torch.nn.attention.flex_attention import create_block_mask

    def seen(row: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return (query >= key) & (documents[row, query] == documents[row, key])

    return create_block_mask(seen, rows, None, length, length, device=device)
