"""Tune the base weights once a side and seed."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from ondevice.export import export_checkpoint
from ondevice.training.recipe import Recipe
from ondevice.training.run import train
from ondevice.training.tuning.batches import TaskBatches
from ondevice.training.tuning.mixture import Mixture
from paperbench.sides import SIDES, folder_name, tasks

RECIPE = """\
name = "paper"
seed = {seed}

[data]
tasks = "{tasks}"
answers = "{answers}"
linter = "{linter}"
drawn = 1

[tokenizer]
vocabulary = 4096

[model]
layers = 6
width = 256
feed_forward = 768
heads = 4
context = 512

[training]
steps = {steps}
warmup = 15
learning_rate = 2e-3
weight_decay = 0.1
decay = 0.9
evaluate_every = 1000
"""


def carry_out(options: argparse.Namespace) -> None:
    """Train and export what is not there yet."""
    for seed in options.seeds:
        for side, settings in SIDES.items():
            folder = options.folder / folder_name(side, seed)
            if (folder / "model").exists():
                continue
            steps = options.steps
            if side == "plain, same programs":
                steps = round(steps * shorter(options, seed))
            path = recipe(options, folder, seed=seed, steps=steps, **settings)
            print(f"{folder}: {steps} steps", flush=True)
            checkpoint = train(path, folder, start=options.start, threads=options.threads)
            export_checkpoint(
                checkpoint,
                folder / "model",
                quantize=["q8_0", "int8"],
                name=folder.name,
                license="Apache-2.0",
                source=str(path),
            )


def recipe(options: argparse.Namespace, folder: Path, **settings: Any) -> Path:
    """Write the recipe of a run into its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "recipe.toml"
    place = tasks(options.folder).resolve().as_posix()
    path.write_text(RECIPE.format(tasks=place, **settings), encoding="utf-8")
    return path


def shorter(options: argparse.Namespace, seed: int) -> float:
    """Return how many tokens an epoch of plain programs takes, as a share of LintSeq's."""
    tokenizer = Tokenizer.from_file(str(options.start / "tokenizer.json"))
    sizes = {}
    for side in ("plain", "lintseq"):
        probe = recipe(options, options.folder / "probe", seed=seed, steps=1, **SIDES[side])
        read = Recipe.read(probe)
        assert read.data
        training, _ = Mixture.read(read.data, seed)
        epoch = TaskBatches(training, tokenizer, read).epoch(0)
        sizes[side] = sum(batch.ids.size for batch in epoch)
    return sizes["plain"] / sizes["lintseq"]
