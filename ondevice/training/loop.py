"""The training loop: PyTorch, with checkpoints that bring a killed run back to the same step."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from ondevice.errors import DataError
from ondevice.training.batches import IGNORED, Batch, Batches
from ondevice.training.hardware import multiplies_bfloat16
from ondevice.training.optimizer import make_optimizers
from ondevice.training.recipe import ModelSettings, OptimizationSettings, Recipe
from ondevice.training.tokenizer import END_OF_TEXT

if TYPE_CHECKING:
    from collections.abc import Callable

    from tokenizers import Tokenizer

REPORT_SECONDS = 30.0


@dataclass
class Progress:
    """Where a run stands; stored with every checkpoint."""

    step: int = 0
    epoch: int = 0
    batch: int = 0
    tokens: int = 0
    seconds: float = 0.0


def build_model(settings: ModelSettings, vocabulary: int, end_token: int) -> LlamaForCausalLM:
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
        attn_implementation="sdpa",
    )
    return LlamaForCausalLM(config)


def learning_rate(settings: OptimizationSettings, step: int) -> float:
    """Return the rate of a step (from 0): warm-up, constant, then linear to zero."""
    decay_steps = max(1, round(settings.steps * settings.decay))
    left = (settings.steps - step) / decay_steps
    return settings.learning_rate * min(1.0, (step + 1) / max(1, settings.warmup), left)


def fit(
    recipe: Recipe,
    folder: Path,
    batches: Batches,
    development: list[Batch],
    tokenizer: Tokenizer,
    report: Callable[[str], None],
    start: Path | None = None,
    threads: int | None = None,
) -> Path:
    """Train to the recipe's last step and return the checkpoint's folder.

    Raises ``DataError`` for a training state that cannot be read, for a checkpoint in ``start``
    that is another model's, and for data of which nothing fits the model's context.
    """
    if threads:
        torch.set_num_threads(threads)
    torch.manual_seed(recipe.seed)
    trainer = _Trainer(recipe, tokenizer)
    state = folder / "state.pt"
    if state.exists():
        trainer.load(state)
        report(f"resumed at step {trainer.progress.step}")
    elif start:
        trainer.take_weights(start)
        report(f"started from {start}")
    settings, progress = recipe.training, trainer.progress
    reporter = _Reporter(trainer, development, report)
    saved = time.monotonic()
    while progress.step < settings.steps:
        epoch = batches.epoch(progress.epoch)
        if not epoch:
            raise DataError(f"no example fits the context of {recipe.model.context} tokens")
        for batch in epoch[progress.batch :]:
            reporter.follow(trainer.step(batch))
            if time.monotonic() - saved >= settings.checkpoint_minutes * 60:
                trainer.save(state)
                saved = time.monotonic()
            if progress.step == settings.steps:
                break
        else:
            progress.epoch, progress.batch = progress.epoch + 1, 0
    trainer.save(state)
    return trainer.export(folder / "checkpoint")


class _Trainer:
    """The model with its optimizer, on the best device that there is."""

    def __init__(self, recipe: Recipe, tokenizer: Tokenizer):
        self.recipe = recipe
        self.tokenizer = tokenizer
        self.progress = Progress()
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._bfloat16 = multiplies_bfloat16(self.device)
        end = tokenizer.token_to_id(END_OF_TEXT)
        self.model = build_model(recipe.model, tokenizer.get_vocab_size(), end)
        nn.Module.to(self.model, self.device)
        self.optimizers = make_optimizers(self.model, recipe.training)
        body: Any = self.model.model
        self._body = torch.compile(body, dynamic=True) if recipe.training.compile else body

    def step(self, batch: Batch) -> float:
        """Train on one batch and return its loss in nats a token."""
        started = time.monotonic()
        settings, progress = self.recipe.training, self.progress
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(settings, progress.step)
        loss = self._loss(batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), settings.clip)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        progress.step += 1
        progress.batch += 1
        progress.tokens += batch.ids.size
        value = loss.item()
        progress.seconds += time.monotonic() - started
        return value

    @torch.no_grad()
    def evaluate(self, batches: list[Batch]) -> float:
        """Return the mean loss over batches in nats a token, each token counting alike."""
        counts = [int((batch.targets != IGNORED).sum()) for batch in batches]
        losses = [self._loss(batch).item() for batch in batches]
        total = sum(loss * count for loss, count in zip(losses, counts, strict=True))
        return total / sum(counts)

    def _loss(self, batch: Batch) -> Tensor:
        ids = torch.from_numpy(batch.ids).to(self.device)
        targets = torch.from_numpy(batch.targets).to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._bfloat16):
            hidden = self._body(input_ids=ids, use_cache=False).last_hidden_state
            counted = targets != IGNORED
            # The head is a fifth of the work of a small model: only where a loss is taken.
            logits = self.model.lm_head(hidden[counted])
        return cross_entropy(logits.float(), targets[counted])

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

    def take_weights(self, folder: Path) -> None:
        """Begin with the weights of a checkpoint in place of random ones."""
        try:
            weights = load_file(folder / "model.safetensors")
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


class _Reporter:
    """Says now and then, and after the last step, how far a run is."""

    def __init__(
        self, trainer: _Trainer, development: list[Batch], report: Callable[[str], None]
    ) -> None:
        self._trainer = trainer
        self._development = development
        self._report = report
        self._begin()

    def _begin(self) -> None:
        self._since, self._tokens = time.monotonic(), self._trainer.progress.tokens

    def follow(self, loss: float) -> None:
        """Take notice of a step and its loss."""
        progress, steps = self._trainer.progress, self._trainer.recipe.training.steps
        passed = time.monotonic() - self._since
        if passed < REPORT_SECONDS and progress.step < steps:
            return
        rate = (progress.tokens - self._tokens) / passed
        left = (steps - progress.step) * progress.seconds / progress.step
        parts = [f"step {progress.step}/{steps}", f"epoch {progress.epoch}", f"loss {loss:.3f}"]
        if self._development:
            parts.append(f"development {self._trainer.evaluate(self._development):.3f}")
        self._report(", ".join([*parts, f"{rate:,.0f} tokens/s", f"{_duration(left)} left"]))
        self._begin()


def _duration(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
