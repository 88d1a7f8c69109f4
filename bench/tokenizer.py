"""Which vocabulary a small model should have: what each size costs, in bytes and in time.

usage: python bench/tokenizer.py CORPUS [--sizes 4096 8192 16384] [--rounds 5]
                                 [--output bench/results/tokenizer.json]

CORPUS is a folder as `ondevice train` pretrains on. A tokenizer of each size is trained on its
training part, and measured on what is held out: bytes a token of programs and of edit sequences,
and tokens a hunk header. A model with fresh weights of the size `small` gets that vocabulary; it is
exported to GGUF in 8 bits and decodes one token after another, the sizes in turn, on one thread.
Time a program is that times the tokens of a held-out edit sequence. Prints a table and writes the
file.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import re
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from ondevice.backends import Backend, open_backend
from ondevice.evaluation.machine import describe_machine
from ondevice.export import export_checkpoint
from ondevice.files import write_atomically
from ondevice.training.pretraining.documents import EDITS, FUNCTIONS, HELD_OUT, documents
from ondevice.training.pretraining.source import CorpusSource
from ondevice.training.recipe import Recipe, TokenizerSettings
from ondevice.training.tokenizer import END_OF_TEXT, train_tokenizer
from ondevice.training.trainer import Trainer

HERE = Path(__file__).parent
RECIPE = HERE.parent / "models" / "small" / "recipe.toml"
BUDGET = 30e6
BYTES_PER_WEIGHT = 34 / 32
"""Of Q8_0: blocks of 32 weights in 8 bits with a scale in 16."""
WARM, TIMED = 32, 64
HEADER = re.compile(r"@@ -\d+,0 \+\d+(?:,\d+)? @@")


def cost_of(tokenizer: Tokenizer, corpus: Path) -> dict[str, Any]:
    """Return what the held-out texts cost in tokens."""
    texts = {kind: list(documents(corpus, HELD_OUT, kind)) for kind in (FUNCTIONS, EDITS)}
    tokens = {kind: count(tokenizer, held_out) for kind, held_out in texts.items()}
    sizes = {kind: sum(len(text.encode()) for text in held_out) for kind, held_out in texts.items()}
    headers = [header for text in texts[EDITS] for header in HEADER.findall(text)]
    starts = ["\n+" + "    " * depth + "x" for depth in range(6)]
    return {
        "bytes a token, programs": sizes[FUNCTIONS] / tokens[FUNCTIONS],
        "bytes a token, edit sequences": sizes[EDITS] / tokens[EDITS],
        "tokens an edit sequence": tokens[EDITS] / len(texts[EDITS]),
        "tokens a header": count(tokenizer, headers) / len(headers),
        "tokens a line start": count(tokenizer, starts) / len(starts) - 1,
    }


def count(tokenizer: Tokenizer, texts: list[str]) -> int:
    return sum(len(encoding.ids) for encoding in tokenizer.encode_batch_fast(texts))


def open_fresh(recipe: Recipe, tokenizer: Tokenizer, folder: Path) -> tuple[Backend, int]:
    """Return a model with fresh weights, as it would be shipped, and its number of weights."""
    checkpoint = Trainer(recipe, tokenizer).export(folder / "checkpoint")
    exported = export_checkpoint(
        checkpoint,
        folder / "model",
        formats=("gguf",),
        quantize=("q8_0",),
        name="fresh",
        license="Apache-2.0",
        source="random weights",
    )
    return open_backend(exported.folder, threads=1), exported.manifest.parameters


def seconds_per_token(backend: Backend) -> float:
    """Return the time of one more token after some."""
    backend.truncate(0, 0)
    backend.evaluate([(0, list(range(1, WARM + 1)))])
    started = time.perf_counter()
    for token in range(TIMED):
        backend.evaluate([(0, [token])])
    return (time.perf_counter() - started) / TIMED


def measure(options: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    recipe = Recipe.read(RECIPE)
    assert recipe.corpus
    corpus = dataclasses.replace(recipe.corpus, folder=options.corpus)
    rows, backends = [], []
    for size in options.sizes:
        settings = TokenizerSettings(size, recipe.tokenizer.indentations)
        source = CorpusSource(recipe, corpus, folder, print)
        tokenizer = train_tokenizer(source.tokenizer_texts(), settings)
        backend, parameters = open_fresh(recipe, tokenizer, folder / str(size))
        embedding = size * recipe.model.width
        rows.append(
            {
                "vocabulary": size,
                **cost_of(tokenizer, options.corpus),
                "parameters": parameters,
                "embedding, share of 30 MB": embedding * BYTES_PER_WEIGHT / BUDGET,
            }
        )
        backends.append(backend)
        print(json.dumps(rows[-1]))
    times: list[list[float]] = [[] for _ in backends]
    for _, (backend, found) in itertools.product(
        range(options.rounds), list(zip(backends, times, strict=True))
    ):
        found.append(seconds_per_token(backend))
    for row, backend, found in zip(rows, backends, times, strict=True):
        backend.close()
        row["milliseconds a token"] = statistics.median(found) * 1e3
        row["milliseconds a token, spread"] = [min(found) * 1e3, max(found) * 1e3]
        row["milliseconds a program"] = row["milliseconds a token"] * row["tokens an edit sequence"]
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=[4096, 8192, 16384])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, default=HERE / "results" / "tokenizer.json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(options, Path(folder))
    result = {"machine": describe_machine(), "end": END_OF_TEXT, "sizes": rows}
    write_atomically(options.output, json.dumps(result, indent=2) + "\n")
    for name in rows[0]:
        print(f"{name:32}", *(f"{cell(row[name]):>18}" for row in rows))


def cell(value: Any) -> str:
    if isinstance(value, list):
        return " to ".join(map(cell, value))
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"


if __name__ == "__main__":
    main()
