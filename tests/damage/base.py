"""What the makers of damaged models share: a case, and damage that fits any file."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Outcome = Literal["refused", "failed", "either"]
SEED = 20261125


@dataclass(frozen=True)
class Case:
    """A damaged model: ``write`` makes its folder, whose file ``model`` is then to be run.

    ``outcome``: "refused" is by an error of ours before native code loads the weights, "failed" an
    error of ours at any time; after "either" a program may come out as well.
    """

    name: str
    write: Callable[[Path], None]
    outcome: Outcome = "refused"
    command: Literal["generate", "verify"] = "generate"


def of_file(name: str, file: str, content: bytes, outcome: Outcome = "refused") -> Case:
    """Return the case in which ``file`` of an otherwise whole folder has this content."""
    return Case(name, lambda folder: write(folder / file, content), outcome)


def write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def truncations(what: str, file: str, content: bytes, places: Sequence[int]) -> Iterator[Case]:
    for place in sorted({*places}):
        yield of_file(f"{what} cut at {place}", file, content[:place])


def flips(what: str, file: str, content: bytes, count: int, end: int) -> Iterator[Case]:
    """Yield ``count`` files with one bit before ``end`` the other way around."""
    generator = random.Random(SEED)
    for _ in range(count):
        place, bit = generator.randrange(end), generator.randrange(8)
        damaged = bytearray(content)
        damaged[place] ^= 1 << bit
        yield of_file(f"{what} bit {bit} of byte {place}", file, bytes(damaged), "either")
