"""Other words for an instruction, and other names in it and its program."""

from __future__ import annotations

import random
import re

_PREFIXES = ("my", "get", "calc", "compute", "find", "make", "do", "run", "the", "simple", "new")
_SUFFIXES = ("of", "value", "fn", "v2", "for", "helper", "now", "func", "impl", "here")


def rename(instruction: str, sequence: str, name: str, rng: random.Random) -> tuple[str, str]:
    """Give the entry point another name in both texts, where the instruction fixes it at all."""
    if rng.random() < 0.5:
        prefix = rng.choice(_PREFIXES)
        other = prefix.title() + name if name[0].isupper() else f"{prefix}_{name}"
    else:
        suffix = rng.choice(_SUFFIXES)
        other = name + suffix.title() if name[0].isupper() else f"{name}_{suffix}"
    pattern = re.compile(rf"\b{re.escape(name)}\b")
    if not pattern.search(instruction) or re.search(rf"\b{other}\b", sequence):
        return instruction, sequence
    return pattern.sub(other, instruction), pattern.sub(other, sequence)


_OPENINGS = ("please ", "python: ", "can you ", "hi, ", "task: ", "quick one: ", "in python, ")


def disturb(instruction: str, rng: random.Random) -> str:
    """Vary how an instruction is put, as people do: words left out, case, full stop, an opening.

    Code (a signature with its docstring, a comment) keeps its form.
    """
    if "\n" in instruction or instruction.startswith("#"):
        return instruction
    words = instruction.split(" ")
    if len(words) > 5:
        drop = rng.uniform(0.0, 0.2)
        words = [word for word in words if "(" in word or "`" in word or rng.random() >= drop]
    text = " ".join(words)
    if rng.random() < 0.2:
        text = text.rstrip(".?!")
    if rng.random() < 0.2:
        text = text[:1].swapcase() + text[1:]
    if rng.random() < 0.15:
        text = rng.choice(_OPENINGS) + text
    return text or instruction
