"""How fast a run went, and what it would have cost at ten times the size."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from basemodel.checkpoint import Checkpoint
from ondevice.training.hardware import best_device, peak
from ondevice.training.recipe import Recipe
from ondevice.training.trainer import operations_per_token

TIMES = 10


def measure(checkpoint: Checkpoint, options: argparse.Namespace) -> dict[str, Any]:
    if not options.run:
        raise SystemExit("the part cost needs --run")
    recipe = Recipe.read(options.recipe)
    steps = read_log(options.run / "log.jsonl")
    seconds = steps[-1]["seconds"]
    tokens = len(steps) * recipe.training.tokens_per_batch
    operations = operations_per_token(checkpoint.model)
    fastest = peak(best_device())
    return {
        "tokens": tokens,
        "hours": seconds / 3600,
        "tokens a second": tokens / seconds,
        "operations a token": operations,
        "operations": operations * tokens,
        "peak, operations a second, now": fastest,
        "share of that peak": operations * tokens / seconds / fastest,
        f"hours at {TIMES} times the weights, same tokens": seconds / 3600 * TIMES,
        f"hours at {TIMES} times the weights and tokens": seconds / 3600 * TIMES**2,
    }


def read_log(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
