#!/usr/bin/env python3
"""The last stage of the bundled model: 60 more steps at a low rate, after `ondevice train`.

Every other step is on the tasks that bench/everyday/split.py calls DEMONSTRATED, those that
everyone tries first; the steps between are on the usual batches, so that nothing else is forgotten.

usage: python models/tiny/refine.py runs/tiny     (the folder of the finished run)
"""

import dataclasses
import importlib.util
import sys
from pathlib import Path

import torch

from ondevice.training import loop, run
from ondevice.training.batches import Batches
from ondevice.training.recipe import Recipe

STEPS, RATE = 60, 6e-4
HERE = Path(__file__).parent


def main() -> None:
    """Refine the run in the folder that the command line names."""
    folder = Path(sys.argv[1])
    recipe = Recipe.read(HERE / "recipe.toml")
    spec = importlib.util.spec_from_file_location("split", recipe.data.tasks / "split.py")
    split = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(split)
    tasks = run._refactored(recipe, folder, print)
    tokenizer = run._tokenizer(recipe, tasks, folder, print)
    shown = [task for task in tasks if task.id in split.DEMONSTRATED]
    training = dataclasses.replace(recipe.training, compile=False, tokens_per_batch=3072)
    recipe = dataclasses.replace(recipe, training=training)
    torch.manual_seed(recipe.seed)
    trainer = loop._Trainer(recipe, tokenizer)
    trainer.load(folder / "state.pt")
    usual = iter(Batches(tasks, tokenizer, recipe, run.TEMPLATE).epoch(1000))
    often = Batches(shown, tokenizer, recipe, run.TEMPLATE)
    repeated = (batch for number in range(1001, 2000) for batch in often.epoch(number))
    for step in range(STEPS):
        rate = RATE * (1 - step / STEPS)
        trainer.recipe = dataclasses.replace(
            recipe,
            training=dataclasses.replace(training, learning_rate=rate, steps=10**9),
        )
        loss = trainer.step(next(repeated if step % 2 else usual))
        print(f"step {step + 1}/{STEPS}, loss {loss:.3f}", flush=True)
    trainer.export(folder / "refined")


if __name__ == "__main__":
    main()
