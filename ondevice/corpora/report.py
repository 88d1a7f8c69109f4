"""What became of all the sources of a corpus, in numbers and reasons."""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from ondevice.corpora.contamination import Benchmark, Overlap
from ondevice.corpora.settings import Settings

SCHEMA = 1
TRAIN, HELD_OUT = "train", "held-out"
KINDS = ("file", "function", "class")


@dataclass
class Size:
    """How much there is of a kind of rows: tokens as ``tokens`` cuts them, comments left out."""

    rows: int = 0
    bytes: int = 0
    tokens: int = 0

    def add(self, size: Size, sign: int = 1) -> None:
        """Count another one in, or out."""
        self.rows += sign * size.rows
        self.bytes += sign * size.bytes
        self.tokens += sign * size.tokens


@dataclass
class Package:
    """What became of one source; ``left_out`` says why, where nothing of it was taken."""

    name: str
    version: str
    license: str
    license_from: str
    part: str = TRAIN
    left_out: str = ""
    files: int = 0
    files_kept: int = 0
    files_left_out: Counter[str] = field(default_factory=Counter)
    definitions_left_out: Counter[str] = field(default_factory=Counter)
    rows_left_out: Counter[str] = field(default_factory=Counter)
    kept: dict[str, Size] = field(default_factory=lambda: {kind: Size() for kind in KINDS})

    def as_json(self) -> dict[str, Any]:
        """Return it with plain dictionaries, the most frequent reason first."""
        values = {one.name: getattr(self, one.name) for one in dataclasses.fields(self)}
        return {
            **{
                name: dict(value.most_common()) if isinstance(value, Counter) else value
                for name, value in values.items()
            },
            "kept": {kind: dataclasses.asdict(size) for kind, size in self.kept.items()},
        }


@dataclass(frozen=True)
class Removal:
    """A row that was removed since it shares a run of tokens with a benchmark."""

    kind: str
    source: dict[str, Any]
    overlap: Overlap


@dataclass
class Report:
    """All of it."""

    settings: Settings
    duplicates: dict[str, Any]
    packages: list[Package] = field(default_factory=list)
    benchmarks: list[Benchmark] = field(default_factory=list)
    removed: list[Removal] = field(default_factory=list)
    boilerplate: list[tuple[Overlap, int]] = field(default_factory=list)
    """Shared runs that removed nothing, and in how many packages each was met."""

    def size(self, part: str, kind: str | None = None) -> Size:
        """Return how much a part has, of one kind or of all."""
        total = Size()
        for package in self.packages:
            if package.part == part:
                for one in KINDS if kind is None else (kind,):
                    total.add(package.kept[one])
        return total

    def licenses(self) -> dict[str, Size]:
        """Return how much there is under each license, the largest first."""
        found: dict[str, Size] = {}
        for package in self.packages:
            for size in package.kept.values():
                found.setdefault(package.license, Size()).add(size)
        kept = [(name, size) for name, size in found.items() if size.rows]
        return dict(sorted(kept, key=lambda pair: (-pair[1].bytes, pair[0])))

    def total(self, what: str) -> Counter[str]:
        """Return ``files``, ``definitions`` or ``rows`` that were left out, by reason."""
        counters: list[Counter[str]] = [
            getattr(package, f"{what}_left_out") for package in self.packages
        ]
        return sum(counters, Counter())

    def as_json(self) -> dict[str, Any]:
        """Return all that does not change from day to day."""
        settings = dataclasses.asdict(self.settings)
        settings["against"] = [path.name for path in self.settings.against]
        parts = [TRAIN, HELD_OUT] if self.settings.held_out else [TRAIN]
        return {
            "schema": SCHEMA,
            "settings": settings,
            "parts": {
                part: {kind: dataclasses.asdict(self.size(part, kind)) for kind in KINDS}
                for part in parts
            },
            "licenses": {name: dataclasses.asdict(size) for name, size in self.licenses().items()},
            "left_out": {
                "packages": sum(bool(package.left_out) for package in self.packages),
                **{
                    what: dict(self.total(what).most_common())
                    for what in ("files", "definitions", "rows")
                },
            },
            "duplicates": self.duplicates,
            "contamination": {
                "benchmarks": [dataclasses.asdict(one) for one in self.benchmarks],
                "removed": [dataclasses.asdict(one) for one in self.removed],
                "boilerplate": [
                    {**dataclasses.asdict(one), "packages": count}
                    for one, count in self.boilerplate
                ],
            },
            "packages": [one.as_json() for one in self.packages],
        }
