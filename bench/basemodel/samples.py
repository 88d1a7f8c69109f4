"""Continuations of held-out functions, and whether they parse.

A signature with its docstring is also how a function is asked for in the edit sequences. Where a
model goes on with edits, the program that they make is what has to parse.
"""

from __future__ import annotations

import argparse
import itertools
from typing import Any

import torch

from basemodel.checkpoint import Checkpoint
from ondevice import checks
from ondevice.edits import LINTSEQ, SEPARATOR, Buffer
from ondevice.errors import EditError
from ondevice.training.pretraining.documents import HELD_OUT, signatures

TEMPERATURES = (0.2, 0.8)
LONGEST = 256
TOGETHER = 50
SHOWN = 20


def measure(checkpoint: Checkpoint, options: argparse.Namespace) -> dict[str, Any]:
    prompts = list(signatures(options.corpus, HELD_OUT))
    chosen = list(itertools.islice(itertools.cycle(prompts), options.functions))
    result: dict[str, Any] = {"signatures": len(prompts), "samples": len(chosen)}
    for temperature in TEMPERATURES:
        drawn = [
            (prompt, *continuation)
            for start in range(0, len(chosen), TOGETHER)
            for prompt, continuation in zip(
                chosen[start : start + TOGETHER],
                draw(checkpoint, chosen[start : start + TOGETHER], temperature, start),
                strict=True,
            )
        ]
        programs = [program_of(prompt, text) for prompt, text, _ in drawn]
        parsing = [program is not None and not checks.syntax(program) for program in programs]
        ended = [over for _, _, over in drawn]
        result[f"temperature {temperature}"] = {
            "parse": sum(parsing) / len(drawn),
            "answered by edits": sum(is_edits(text) for _, text, _ in drawn) / len(drawn),
            "end by themselves": sum(ended) / len(drawn),
            "parse, of those that end": sum(
                good for good, over in zip(parsing, ended, strict=True) if over
            )
            / max(1, sum(ended)),
        }
        result.setdefault("shown", {})[f"temperature {temperature}"] = [
            {"program": prompt + text, "parses": good}
            for (prompt, text, _), good in list(zip(drawn, parsing, strict=True))[:SHOWN]
        ]
    return result


def is_edits(text: str) -> bool:
    return text.lstrip("\n").startswith(SEPARATOR)


def program_of(prompt: str, text: str) -> str | None:
    """Return the program that a continuation comes to, None where its edits do not apply."""
    if not is_edits(text):
        return prompt + text
    buffer = Buffer()
    try:
        LINTSEQ.read(text.lstrip("\n").removeprefix(SEPARATOR), buffer)
    except EditError:
        return None
    return buffer.text


@torch.no_grad()
def draw(
    checkpoint: Checkpoint, prompts: list[str], temperature: float, seed: int
) -> list[tuple[str, bool]]:
    """Return a continuation of each prompt, and whether it came to its end."""
    encoded = [checkpoint.tokenizer.encode(prompt).ids for prompt in prompts]
    longest = max(map(len, encoded))
    ids = torch.tensor([[checkpoint.end] * (longest - len(one)) + one for one in encoded])
    mask = torch.tensor([[0] * (longest - len(one)) + [1] * len(one) for one in encoded])
    torch.manual_seed(seed)
    device = checkpoint.model.device
    output = checkpoint.model.generate(
        ids.to(device),
        attention_mask=mask.to(device),
        max_new_tokens=LONGEST,
        do_sample=True,
        temperature=temperature,
        top_k=0,
    )
    found = []
    for row in output[:, longest:].tolist():
        over = checkpoint.end in row
        kept = row[: row.index(checkpoint.end)] if over else row
        found.append((checkpoint.tokenizer.decode(kept), over))
    return found
