"""Small runs that settle how larger ones are set: optimizer, learning rate, batch and shape.

usage: python bench/sweep.py CORPUS [--recipe models/laptop/recipe.toml] [--threads N]
                             [--only GROUP ...] [--output bench/results/sweep.json]

Each run pretrains a model with one thing changed, on the recipe's mixture with its tokenizer, and
all runs of a group spend the same number of operations in products with weights. The figure is the
loss on held-out rows, in nats a token, the mean of files, functions and edit sequences. Runs that
the file holds already are left out. Prints a table and writes the file.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from ondevice.evaluation.machine import describe_machine
from ondevice.files import write_atomically
from ondevice.training.pretraining.source import CorpusSource
from ondevice.training.recipe import Recipe
from ondevice.training.run import prepared_tokenizer
from ondevice.training.trainer import Trainer

HERE = Path(__file__).parent
HEAD = 64
"""Width of an attention head."""


@dataclasses.dataclass(frozen=True)
class Run:
    """One small run; ``operations`` is what it may spend, in products with weights."""

    group: str
    operations: float
    layers: int = 4
    width: int = 128
    optimizer: str = "muon"
    learning_rate: float = 1e-2
    tokens_per_batch: int = 4096

    def recipe(self, base: Recipe, steps: int) -> Recipe:
        model = dataclasses.replace(
            base.model,
            layers=self.layers,
            width=self.width,
            feed_forward=3 * self.width,
            heads=self.width // HEAD,
        )
        training = dataclasses.replace(
            base.training,
            optimizer=self.optimizer,
            learning_rate=self.learning_rate,
            tokens_per_batch=self.tokens_per_batch,
            steps=steps,
            warmup=max(1, steps // 20),
        )
        return dataclasses.replace(base, model=model, training=training)


def runs() -> Iterator[Run]:
    """Yield all runs."""
    small, middle = 8e12, 1.6e13
    for optimizer, rates in (("muon", (3e-3, 1e-2, 3e-2)), ("adamw", (1e-3, 3e-3, 1e-2))):
        for rate in rates:
            yield Run("optimizer and rate", small, optimizer=optimizer, learning_rate=rate)
    for layers, width in ((4, 192), (6, 192), (4, 256), (6, 256)):
        yield Run("size", middle, layers, width)
    yield Run("rate at twice the width", middle, 4, 256, learning_rate=3e-3)
    for size in (2048, 8192):
        yield Run("batch", small, tokens_per_batch=size)
    for layers, width in ((2, 192), (8, 128)):
        yield Run("shape", small, layers, width)


def carry_out(run: Run, base: Recipe, folder: Path) -> dict[str, Any]:
    """Train one model and return its losses."""
    assert base.corpus
    probe = run.recipe(base, 1)
    tokenizer = prepared_tokenizer(probe, CorpusSource(probe, base.corpus, folder, print), folder)
    torch.manual_seed(base.seed)
    per_token = Trainer(probe, tokenizer).operations_per_token
    steps = max(1, round(run.operations / per_token / run.tokens_per_batch))
    recipe = run.recipe(base, steps)
    source = CorpusSource(recipe, base.corpus, folder, print)
    batches, held_out = source.batches(tokenizer).epoch(0), source.held_out(tokenizer)
    torch.manual_seed(base.seed)
    trainer = Trainer(recipe, tokenizer)
    started = time.monotonic()
    for number in range(steps):
        trainer.step(batches[number])
    losses = {name: trainer.evaluate(found) for name, found in held_out.items()}
    return {
        "parameters": trainer.operations_per_token // 6,
        "steps": steps,
        "tokens": steps * run.tokens_per_batch,
        **losses,
        "held-out": sum(losses.values()) / len(losses),
        "seconds": round(time.monotonic() - started),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--recipe", type=Path, default=HERE.parent / "models/laptop/recipe.toml")
    parser.add_argument("--folder", type=Path, default=Path("runs/sweep"))
    parser.add_argument("--threads", type=int)
    parser.add_argument("--only", nargs="+", metavar="GROUP")
    parser.add_argument("--output", type=Path, default=HERE / "results" / "sweep.json")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    base = Recipe.read(options.recipe)
    assert base.corpus
    corpus = dataclasses.replace(base.corpus, folder=options.corpus)
    base = dataclasses.replace(base, corpus=corpus)
    options.folder.mkdir(parents=True, exist_ok=True)
    results = json.loads(options.output.read_text())["runs"] if options.output.exists() else []
    for run in runs():
        settings = dataclasses.asdict(run)
        done = any(settings.items() <= row.items() for row in results)
        if done or (options.only and run.group not in options.only):
            continue
        results.append({**settings, **carry_out(run, base, options.folder)})
        print(json.dumps(results[-1]), flush=True)
        content = {"machine": describe_machine(), "seed": base.seed, "runs": results}
        write_atomically(options.output, json.dumps(content, indent=2) + "\n")
    print(table(results))


def table(results: list[dict[str, Any]]) -> str:
    columns = ("group", "layers", "width", "optimizer", "learning_rate", "tokens_per_batch")
    columns += ("parameters", "tokens", "held-out")
    lines = [" | ".join(columns), " | ".join("---" for _ in columns)]
    for row in results:
        cells = [row[name] for name in columns]
        lines.append(
            " | ".join(f"{cell:.3f}" if cell == row["held-out"] else f"{cell}" for cell in cells)
        )
    return "\n".join(f"| {line} |" for line in lines)


if __name__ == "__main__":
    main()
