"""How many hunks apply, with the constraint and without it, among 50,000 tokens and noise.

Models with random weights edit awkward files at temperature 1.5, in both dialects, on both
backends. Each file is edited by ten samples of one request, four at a time. What the engine says is
not believed: accepted edits are read back strictly, and git and patch apply those of the unified
dialect. Random weights alone would hardly ever end a line, so the tokens that a diff is made of get
a constant bonus; which of them comes when is still the model's noise.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import ondevice
from enginebench import fresh
from enginebench.files import NAME, applied, awkward_file, programs
from ondevice.backends import Backend, Logits, open_backend
from ondevice.catalogue import Manifest
from ondevice.edits import LINTSEQ, SEPARATOR, Buffer, Dialect, Unified, diff
from ondevice.errors import EditError
from ondevice.events import EditAccepted, EditRejected, EditWithdrawn, HunkApplied, SampleFinished
from ondevice.training.tokenizer import END_OF_TEXT

TEMPERATURE = 1.5
SAMPLES = 10
"""Generations of one file."""
SHARE_OF_LARGEST = 0.06
"""The share of generations that the model of 150M parameters makes; 30M make the others."""
FREE = 4
"""Of so many files, one is edited without the constraint, too."""
CONTEXT_LENGTH = 8192
MAX_TOKENS = {"lintseq": 64, "unified": 128}
BONUS = {"\n": 13.5, "\r\n": 13.5, "@@": 15.0, "+": 10.0, "-": 10.0, " ": 10.0, SEPARATOR: 11.0}
END_BONUS = {"lintseq": 8.0, "unified": 14.5}
CONTEXT = 3
"""Lines of context in the patches that are made of two versions."""


class InclinedBackend:
    """A backend whose logits have a constant added, and nothing else changed."""

    def __init__(self, backend: Backend, bonus: dict[str, float]) -> None:
        self._backend = backend
        self._added = np.zeros(backend.vocab_size, dtype=np.float32)
        for text, value in bonus.items():
            for token in backend.tokenize(text):
                self._added[token] = value

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def evaluate(self, batch: Sequence[tuple[int, Sequence[int]]]) -> Logits:
        return self._backend.evaluate(batch) + self._added


def measure(options: argparse.Namespace) -> dict[str, Any]:
    files = max(1, options.generations // (4 * SAMPLES))  # a quarter for each pair of sides
    largest = round(files * SHARE_OF_LARGEST)
    result: dict[str, Any] = {"temperature": TEMPERATURE, "samples a file": SAMPLES}
    for size, numbers in (("30M", range(files - largest)), ("150M", range(files - largest, files))):
        for backend in options.backends:
            for dialect in ("lintseq", "unified"):
                if not numbers:
                    continue
                with opened(size, backend, dialect, options) as model:
                    found = {
                        "constrained": count(model, numbers, dialect, constrain=True),
                        "free": count(model, numbers[::FREE], dialect, constrain=False),
                    }
                result[f"{size}, {backend}, {dialect}"] = found
                print(size, backend, dialect, found, flush=True)
    return result


def opened(size: str, name: str, dialect: str, options: argparse.Namespace) -> ondevice.Model:
    folder = fresh.make(size, options.models)
    backend = open_backend(
        folder,
        backend=name,
        max_sequences=4,
        context_length=CONTEXT_LENGTH,
        threads=options.threads,
    )
    manifest = dataclasses.replace(
        Manifest.read(folder),
        dialect=dialect,
        prompt_template=f"{{instruction}}\n{SEPARATOR if dialect == 'lintseq' else '{source}'}",
    )
    inclined = InclinedBackend(backend, BONUS | {END_OF_TEXT: END_BONUS[dialect]})
    return ondevice.Model(inclined, name=size, manifest=manifest)


def count(
    model: ondevice.Model, numbers: Sequence[int], dialect: str, *, constrain: bool
) -> dict[str, Any]:
    """Count what became of every hunk in ten generations of each of these files."""
    refused = "edits refused because a hunk did not apply"
    counts = collections.Counter({"generations": 0, "hunks applied": 0, refused: 0})
    endings: collections.Counter[str] = collections.Counter()
    started = time.perf_counter()
    for number in numbers:
        source = awkward_file(number)
        accepted: dict[int, list[str]] = collections.defaultdict(list)
        for event in model.stream(
            "change this file",
            source=source,
            path=NAME,
            samples=SAMPLES,
            width=4,
            seed=number,
            temperature=TEMPERATURE,
            top_p=1.0,
            check="none",
            constrain=constrain,
            max_tokens=MAX_TOKENS[dialect],
        ):
            if isinstance(event, HunkApplied):
                counts["hunks applied"] += 1
            elif isinstance(event, EditRejected):
                counts[refused] += 1
            elif isinstance(event, EditAccepted):
                accepted[event.sample].append(event.diff)
            elif isinstance(event, EditWithdrawn):
                accepted[event.sample].pop()
            elif isinstance(event, SampleFinished):
                counts["generations"] += 1
                counts["tokens"] += event.stats.tokens
                counts["masks"] += event.stats.masked_tokens
                counts["headers mended"] += event.stats.mended_hunks
                endings[event.finish_reason] += 1
                counts.update(verdict(source, accepted[event.sample], event.text, dialect))
    seconds = round(time.perf_counter() - started, 1)
    return dict(counts) | {"seconds": seconds, "ended by": dict(endings.most_common())}


def verdict(source: str, diffs: list[str], text: str, dialect: str) -> collections.Counter[str]:
    """Apply accepted edits again, by other means, and tell who comes to the same text."""
    found: collections.Counter[str] = collections.Counter()
    buffer = Buffer.from_text(source)
    kind: Dialect = LINTSEQ if dialect == "lintseq" else Unified(NAME, buffer.newline)
    found["edits accepted"] = len(diffs)
    try:
        for edit in diffs:
            kind.read(edit, buffer)
        found["generations that read back otherwise"] = int(buffer.text != text)
    except EditError:
        found["generations that read back otherwise"] = 1
    if dialect != "unified" or not diffs:
        return found
    with tempfile.TemporaryDirectory() as name:
        for program in programs():
            done = agree(program, source, diffs, text, Path(name))
            found[f"edits given to {program}"] = 1
            found[f"edits that {program} refuses or applies otherwise"] = int(not done)
    return found


def agree(program: str, source: str, diffs: list[str], text: str, folder: Path) -> bool:
    """Tell whether a program makes the same text of the diff, which knows no byte-order mark.

    Where the file has one, it is given the difference of the whole texts, too, as ``ondevice edit``
    prints it.
    """
    mark = Buffer.from_text(source).bom
    (patch,) = diffs
    before, after = source.removeprefix(mark), text.removeprefix(mark)
    if applied(program, before, patch, folder) != after:
        return False
    edit = diff(Buffer.verbatim(source), Buffer.verbatim(text), CONTEXT)
    whole = Unified(NAME).write(edit)
    return not mark or applied(program, source, whole, folder) == text
