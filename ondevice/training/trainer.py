"""A model that is being trained: steps, losses, samples, and all that brings it back."""

from __future__ import annotations

import math
import os
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from ondevice.errors import DataError
from ondevice.training.attention import implementation, mask
from ondevice.training.batch import IGNORED, Batch
from ondevice.training.hardware import best_device, multiplies_bfloat16
from ondevice.training.optimizer import make_optimizers
from ondevice.training.recipe import WEIGHTS, ModelSettings, OptimizationSettings, Recipe
from ondevice.training.team import Team
from ondevice.training.tokenizer import END_OF_TEXT

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@dataclass
class Progress:
    """Where a run stands; stored with every checkpoint."""

    step: int = 0
    epoch: int = 0
    batch: int = 0
    tokens: int = 0
    seconds: float = 0.0
    lowest: float = math.inf
    """The lowest mean loss so far on what is held out."""


@dataclass(frozen=True)
class Step:
    """What came of one step: its number (from 1), the loss in nats a token, the norm of the
    gradient before clipping, and the learning rate."""

    step: int
    loss: float
    norm: float
    rate: float


def build_model(
    settings: ModelSettings, vocabulary: int, end_token: int, attention: str = "sdpa"
) -> LlamaForCausalLM:
    """Make a Llama with fresh weights; embeddings are tied, attention has a head per query."""
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=settings.width,
        intermediate_size=settings.feed_forward,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        num_key_value_heads=settings.heads,
        max_position_embeddings=settings.context,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=end_token,
        pad_token_id=end_token,
        attn_implementation=attention,
    )
    return LlamaForCausalLM(config)


def operations_per_token(model: nn.Module) -> int:
    """Return the floating-point operations that training does on a token in products with weights.

    Two for a weight forward and four backward (arXiv 2001.08361, section 2.1); the embedding counts
    once, as the head. Attention's own products are left out.
    """
    return 6 * sum(value.numel() for value in model.parameters() if value.dim() == 2)


def learning_rate(settings: OptimizationSettings, step: int) -> float:
    """Return the rate of a step (from 0): warm-up, constant, then linear to zero."""
    decay_steps = max(1, round(settings.steps * settings.decay))
    left = (settings.steps - step) / decay_steps
    return settings.learning_rate * min(1.0, (step + 1) / max(1, settings.warmup), left)


class Trainer:
    """The model with its optimizers, on the best device that there is."""

    def __init__(self, recipe: Recipe, tokenizer: Tokenizer, team: Team | None = None) -> None:
        self.recipe = recipe
        self.tokenizer = tokenizer
        self.team = team or Team()
        self.progress = Progress()
        self.device = best_device(self.team.local_rank)
        self._bfloat16 = multiplies_bfloat16(self.device)
        end = tokenizer.token_to_id(END_OF_TEXT)
        attention = implementation(self.device)
        self.model = build_model(recipe.model, tokenizer.get_vocab_size(), end, attention)
        nn.Module.to(self.model, self.device)
        self.operations_per_token = operations_per_token(self.model)
        self.optimizers = make_optimizers(self.model, recipe.training)
        body: Any = self.model.model
        self._body = torch.compile(body) if recipe.training.compile else body

    def step(self, batch: Batch) -> Step:
        """Train on one batch."""
        started = time.monotonic()
        settings, progress = self.recipe.training, self.progress
        rate = learning_rate(settings, progress.step)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
        loss = torch.zeros((), device=self.device)
        for part in self._passes(self.team.share(batch)):
            part_loss = self._loss(part) / batch.counted
            part_loss.backward()
            loss += part_loss.detach()
        self.team.add_up(loss, self.model.parameters())
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), settings.clip)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        progress.step += 1
        progress.batch += 1
        progress.tokens += batch.ids.size
        done = Step(progress.step, loss.item(), norm.item(), rate)
        progress.seconds += time.monotonic() - started
        return done

    def _passes(self, batch: Batch) -> Iterator[Batch]:
        rows, length = batch.ids.shape
        at_once = max(1, (self.recipe.training.tokens_per_pass or batch.ids.size) // length)
        return (batch.part(slice(i, i + at_once)) for i in range(0, rows, at_once))

    @torch.no_grad()
    def evaluate(self, batches: Sequence[Batch]) -> float:
        """Return the mean loss over batches in nats a token, each token counting alike."""
        total = sum(self._loss(batch).item() for batch in batches)
        return total / sum(batch.counted for batch in batches)

    def _loss(self, batch: Batch) -> Tensor:
        """Return the sum over all counted tokens, in nats."""
        ids = torch.from_numpy(batch.ids).to(self.device)
        targets = torch.from_numpy(batch.targets).to(self.device)
        seen = mask(batch, self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._bfloat16):
            output = self._body(input_ids=ids, attention_mask=seen, use_cache=False)
            counted = targets != IGNORED
            # The head is a fifth of the work of a small model: only where a loss is taken.
            logits = self.model.lm_head(output.last_hidden_state[counted])
        return cross_entropy(logits.float(), targets[counted], reduction="sum")

    @torch.no_grad()
    def sample(self, prompt: str, tokens: int = 64, temperature: float = 0.8) -> str:
        """Return a continuation, always drawn with the same random numbers."""
        ids = torch.tensor([self.tokenizer.encode(prompt).ids], device=self.device)
        devices = [self.device] if self.device.type == "cuda" else []
        model: Any = self.model
        model.eval()
        with torch.random.fork_rng(devices):
            torch.manual_seed(self.recipe.seed)
            drawn = model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=tokens,
                do_sample=True,
                temperature=temperature,
                top_k=0,
            )
        model.train()
        text: str = self.tokenizer.decode(drawn[0, ids.shape[1] :].tolist())
        return text

    def save(self, path: Path) -> None:
        """Write everything that the next step depends on."""
        temporary = path.with_suffix(".tmp")
        torch.save(
            {
                "model": self.model.state_dict(),
                "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
                "progress": vars(self.progress),
            },
            temporary,
        )
        os.replace(temporary, path)

    def load(self, path: Path) -> None:
        """Take up the state that ``save`` wrote."""
        try:
            state = torch.load(path, map_location=self.device, weights_only=True)
            self.model.load_state_dict(state["model"])
            for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
                optimizer.load_state_dict(saved)
            self.progress = Progress(**state["progress"])
        except Exception as error:  # torch raises nearly anything for a damaged file
            raise DataError(
                f"{path} is no state of this run ({type(error).__name__}); delete it to start "
                "from the first step"
            ) from error

    def keep_if_best(self, losses: Mapping[str, float], folder: Path) -> None:
        """Write the weights to a folder when the mean of the losses is the lowest so far."""
        mean = statistics.fmean(losses.values())
        if mean < self.progress.lowest:
            self.progress.lowest = mean
            folder.mkdir(exist_ok=True)
            temporary = folder / f"{WEIGHTS}.tmp"
            weights = self.model.state_dict()
            del weights["lm_head.weight"]  # the embedding once more
            save_file(weights, temporary)
            os.replace(temporary, folder / WEIGHTS)

    def take_weights(self, folder: Path) -> None:
        """Begin with the weights of a checkpoint in place of random ones."""
        try:
            weights = load_file(folder / WEIGHTS)
            missing, unexpected = self.model.load_state_dict(weights, strict=False)
        except Exception as error:  # torch and safetensors raise nearly anything
            raise DataError(
                f"{folder} does not fit the recipe's model: {' '.join(str(error).split())[:200]}"
            ) from error
        # The head is the embedding once more, and not stored.
        if unexpected or set(missing) - {"lm_head.weight"}:
            names = ", ".join([*unexpected, *missing][:3])
            raise DataError(f"{folder} does not fit the recipe's model, by its weights {names}")

    def export(self, folder: Path) -> Path:
        """Write the checkpoint as a Hugging Face folder, weights in bfloat16."""
        model: Any = self.model
        model.to(torch.bfloat16).save_pretrained(folder)
        PreTrainedTokenizerFast(
            tokenizer_object=self.tokenizer,
            eos_token=END_OF_TEXT,
            pad_token=END_OF_TEXT,
            clean_up_tokenization_spaces=False,
        ).save_pretrained(folder)
        return folder
