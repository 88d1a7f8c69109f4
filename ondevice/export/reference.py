"""The checkpoint itself, run by transformers in fp32: what every export is held against."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Logits = NDArray[np.float32]

POSITIONS = 512
"""Logits are compared over that many tokens: a wrong rotary base shows only far from the start."""
_MOST_LOGITS = 2**26
"""Numbers that are kept of the checkpoint's logits; of a large vocabulary, fewer positions."""


class Reference:
    """A checkpoint folder, loaded; ``text`` is the held text that exports are compared on."""

    def __init__(self, folder: Path, text: str) -> None:
        import torch
        from tokenizers import Tokenizer

        self._torch = torch
        self._model = load_model(folder, eager=True)
        # Every export is compared with the same texts, so each answer is kept.
        self.logits = functools.cache(self._compute_logits)
        self.greedy = functools.cache(self._compute_greedy)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.known_tokens: int = self._tokenizer.get_vocab_size()
        self.added_tokens = [
            token.content
            for token in self._tokenizer.get_added_tokens_decoder().values()
            if not token.special
        ]
        marked = self._tokenizer.encode("a")
        self.prefix_tokens = tuple(marked.ids[: marked.special_tokens_mask.index(0)])
        """Tokens that every text begins with."""
        context = int(self._model.config.max_position_embeddings)
        room = min(POSITIONS, context, _MOST_LOGITS // self.known_tokens)
        self.held = (*self.prefix_tokens, *self.tokenize(text))[:room]
        """The tokens of the held text, as far as they are compared."""

    def tokenize(self, text: str) -> list[int]:
        """Return the tokens of ``text`` and nothing around them."""
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def hidden_states(self, tokens: Sequence[int]) -> list[Logits]:
        """Return the embedding of ``tokens`` and what comes out of each layer, each of the shape
        (len(tokens), width); the last one after the final norm."""
        with self._torch.no_grad():
            ids = self._torch.tensor([list(tokens)])
            output = self._model(input_ids=ids, use_cache=False, output_hidden_states=True)
        return [state[0].numpy() for state in output.hidden_states]

    def perplexity(self) -> float:
        """Return the perplexity of the held text, per token."""
        logits = self.logits(self.held)
        losses = [surprise(row, token) for row, token in zip(logits, self.held[1:], strict=False)]
        return perplexity(losses)

    def _compute_logits(self, tokens: tuple[int, ...]) -> Logits:
        """Return the logits after each token, shape (len(tokens), known_tokens)."""
        logits, _ = self._run(tokens, None)
        return logits

    def _compute_greedy(self, tokens: tuple[int, ...], steps: int) -> list[int]:
        """Return the ``steps`` most likely tokens, one after the other, that follow ``tokens``."""
        chosen: list[int] = []
        part, cache = list(tokens), None
        while len(chosen) < steps:
            logits, cache = self._run(part, cache)
            part = [int(logits[-1].argmax())]
            chosen += part
        return chosen

    def _run(self, tokens: Sequence[int], cache: Any) -> tuple[Logits, Any]:
        with self._torch.no_grad():
            ids = self._torch.tensor([list(tokens)])
            output = self._model(input_ids=ids, past_key_values=cache, use_cache=True)
        return output.logits[0, :, : self.known_tokens].numpy(), output.past_key_values


def load_model(folder: Path, *, eager: bool = False) -> Any:
    """Return the checkpoint in transformers, in fp32, ready to be run.

    Its attention is torch's fused one, unless ``eager``, or where that would leave out soft caps.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    capped = getattr(AutoConfig.from_pretrained(folder), "attn_logit_softcapping", None)
    model: Any = AutoModelForCausalLM.from_pretrained(
        folder,
        dtype=torch.float32,
        local_files_only=True,
        attn_implementation="eager" if eager or capped else None,
    )
    model.eval()
    return model


def log_softmax(row: Logits) -> NDArray[np.float64]:
    """Return the logarithms of the probabilities that a row of logits stands for."""
    shifted = row.astype(np.float64) - float(row.max())
    return shifted - math.log(float(np.exp(shifted).sum()))


def surprise(row: Logits, token: int) -> float:
    """Return the negative logarithm of the probability of ``token``, in nats."""
    return -float(log_softmax(row)[token])


def perplexity(losses: Sequence[float]) -> float:
    """Return the exponential of the mean of ``losses``, which are in nats a token."""
    return math.exp(sum(losses) / len(losses)) if losses else math.nan
