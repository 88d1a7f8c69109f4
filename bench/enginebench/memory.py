"""A small model that has learned some unified diffs by heart: trained anew, in about a minute."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import torch
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

import ondevice
from enginebench.fresh import TOKENIZER
from ondevice.backends import open_backend
from ondevice.catalogue import Manifest
from ondevice.edits import Buffer, Unified, diff
from ondevice.export import export_checkpoint
from ondevice.training.recipe import ModelSettings
from ondevice.training.tokenizer import END_OF_TEXT
from ondevice.training.trainer import build_model

TASKS = Path(__file__).parents[1] / "everyday" / "numbers.jsonl"
EXAMPLES = 24
STEPS = 400
SETTINGS = ModelSettings(layers=4, width=192, feed_forward=512, heads=4, context=1024)
TEMPLATE = "{source}\n{instruction}\n"
PATH = "program.py"
CONTEXT = 3


class Example(NamedTuple):
    instruction: str
    before: str
    diff: str


def examples() -> list[Example]:
    """Return diffs between programs for the same task, the same ones every time."""
    found = []
    for line in TASKS.read_text(encoding="utf-8").splitlines()[::4]:
        task = json.loads(line)
        for before, after in pairwise(task["programs"][:2]):
            edit = diff(Buffer.from_text(before), Buffer.from_text(after), CONTEXT)
            text = Unified(PATH).write(edit)
            found.append(Example(task["instructions"][0], before, text))
    return found[:EXAMPLES]


def requests() -> Iterator[dict[str, Any]]:
    for example in examples():
        yield {"prompt": example.instruction, "source": example.before, "path": PATH}


def opened(folder: Path, backend: str, threads: int) -> ondevice.Model:
    """Open the model on a backend; train and export it where ``folder`` does not hold it."""
    target = folder / "memory"
    if not target.exists():
        _train(target)
    manifest = dataclasses.replace(
        Manifest.read(target), dialect="unified", prompt_template=TEMPLATE
    )
    weights = open_backend(target, backend=backend, threads=threads)
    return ondevice.Model(weights, name="memory", manifest=manifest)


def _train(target: Path) -> None:
    tokenizer = Tokenizer.from_file(str(TOKENIZER))
    end = tokenizer.token_to_id(END_OF_TEXT)
    torch.manual_seed(0)
    model = build_model(SETTINGS, tokenizer.get_vocab_size(), end)
    rows = [_row(tokenizer, example, end) for example in examples()]
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.0)
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * min(1.0, (step + 1) / 20, (STEPS - step) / 100)
        batch = [rows[(step * 6 + place) % len(rows)] for place in range(6)]
        width = max(len(tokens) for tokens, _ in batch)
        ids = torch.full((len(batch), width), end)
        labels = torch.full((len(batch), width), -100)  # what the loss passes over
        for place, (tokens, start) in enumerate(batch):
            ids[place, : len(tokens)] = torch.tensor(tokens)
            labels[place, start : len(tokens)] = torch.tensor(tokens[start:])
        loss = model(input_ids=ids, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 50 == 49:
            print(f"learning diffs by heart: step {step + 1}, loss {loss.item():.3f}", flush=True)
    checkpoint = target.with_name("memory-checkpoint")
    model.save_pretrained(checkpoint)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=END_OF_TEXT, pad_token=END_OF_TEXT
    ).save_pretrained(checkpoint)
    export_checkpoint(
        checkpoint,
        target,
        quantize=("f16", "fp32"),
        name="memory",
        license="Apache-2.0",
        source="trained on everyday tasks by bench/enginebench/memory.py",
    )


def _row(tokenizer: Tokenizer, example: Example, end: int) -> tuple[list[int], int]:
    """Return an example's tokens, and at which of them the diff begins."""
    prompt = TEMPLATE.replace("{instruction}", example.instruction)
    prompt = prompt.replace("{source}", example.before)
    given = tokenizer.encode(prompt).ids
    return [*given, *tokenizer.encode(example.diff).ids, end], len(given)
