"""Texts that exports are compared on, beside those that a user gives; none is trained on."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Iterator, Sequence
from importlib.resources import files

GREEDY_STARTS = (
    "def area(width: float, height: float) -> float:\n    return width * height  # café, 日本\n",
    "runs   of    spaces\t\ttabs\r\nand line ends \n\n\n  12345 3e-7 0x1F it's we'll 🙂🏽 ",
    "add a loop\n<|diff|>@@ -0,0 +1,2 @@\n+for i in range(10):\n+    print(i)\n<|diff|>\n<|diff|>",
)
"""What models write on from, greedily."""
_LONGEST_RUN = 256
# Blocks whose characters have had their categories since Unicode 6; surrogates are in none.
_BLOCKS = (
    *((0x20, 0x7F), (0xA0, 0x250), (0x370, 0x400), (0x400, 0x500), (0x5D0, 0x5EB)),
    *((0x620, 0x64B), (0x905, 0x93A), (0x2010, 0x2028), (0x2190, 0x2300), (0x3041, 0x3097)),
    *((0x4E00, 0x4F00), (0xAC00, 0xAD00), (0x1F600, 0x1F640)),
)


def held_text() -> str:
    """Return the text that perplexity and logits are measured on unless another is given."""
    return (files(__package__) / "held.txt").read_text(encoding="utf-8")


def tokenizer_texts(added: Sequence[str]) -> Iterator[str]:
    """Yield texts that a tokenizer may go wrong on: code, runs of spaces, of line ends and of
    tabs up to 256, Unicode, and each of the tokens that were ``added`` in several surroundings.

    All are in NFC, since GGUF has no normalizer.
    """
    yield held_text()
    yield "".join("x" + " " * count for count in range(1, _LONGEST_RUN + 1))
    for space in ("\n", "\t", "\r\n"):
        yield "".join("y" + space * count for count in range(1, _LONGEST_RUN // 8 + 1))
    yield "".join("\n" + " " * indent + "pass" for indent in range(_LONGEST_RUN // 4))
    yield " ".join(str(7**power) for power in range(40))
    chance = random.Random(0)
    characters = [chr(code) for first, end in _BLOCKS for code in range(first, end)]
    for _ in range(20):
        mixed = "".join(chance.choice(characters) for _ in range(200))
        yield unicodedata.normalize("NFC", mixed)
    for token in added:
        yield unicodedata.normalize("NFC", f"{token}a{token}{token} {token}\n{token}  b {token}1")
