"""A checkpoint that is measured, in the number format in which it was trained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch
from tokenizers import Tokenizer
from torch import Tensor
from transformers import LlamaForCausalLM

from ondevice.training.hardware import best_device, multiplies_bfloat16
from ondevice.training.tokenizer import END_OF_TEXT


@dataclass(frozen=True)
class Checkpoint:
    """Weights and tokenizer, and the longest row that the model was trained on."""

    model: Any
    tokenizer: Tokenizer
    end: int
    context: int

    @classmethod
    def open(cls, folder: Path) -> Self:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        model: Any = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
        model = model.to(best_device()).eval()
        end = tokenizer.token_to_id(END_OF_TEXT)
        return cls(model, tokenizer, end, model.config.max_position_embeddings)

    @torch.no_grad()
    def log_probabilities(self, rows: Tensor) -> Tensor:
        """Return what each next token might be, in nats, shape (rows, length - 1, vocabulary)."""
        device = best_device()
        with torch.autocast(device.type, torch.bfloat16, enabled=multiplies_bfloat16(device)):
            logits = self.model(input_ids=rows.to(device), use_cache=False).logits
        return torch.log_softmax(logits[:, :-1].float(), dim=-1).cpu()
