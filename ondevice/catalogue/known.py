"""The models that are known by a short name, from ``known.toml``, which explains itself."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

_FILE = Path(__file__).with_name("known.toml")


@dataclass(frozen=True, slots=True)
class KnownModel:
    """One table of ``known.toml``; ``parameters`` are in millions."""

    name: str
    repository: str
    revision: str
    published: Literal["gguf", "checkpoint"]
    dialect: str
    parameters: int
    context: int
    license: str
    about: str
    bytes: int | None = None
    gated: bool = False


@functools.cache
def known_models() -> dict[str, KnownModel]:
    """Return the known models by name, in the order of the file."""
    import tomllib

    tables = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return {name: KnownModel(name, **table) for name, table in tables.items()}
