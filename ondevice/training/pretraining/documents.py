"""What a base model reads: whole files, functions and classes by themselves, edit sequences."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from ondevice.edits import TEMPLATE
from ondevice.errors import DataError
from ondevice.lintseq.sequences import UnusableRowError, sequence_of
from ondevice.training.tokenizer import END_OF_TEXT

TRAIN, HELD_OUT = "train", "held-out"
FILES, FUNCTIONS, EDITS = KINDS = ("files", "functions", "edits")


def documents(folder: Path, part: str, kind: str) -> Iterator[str]:
    """Yield the texts of a kind in one part of a corpus, each with its end-of-text token.

    Raises ``DataError`` for a file that is not there or cannot be read.
    """
    for program, sequence, instruction in _rows(folder, part, kind):
        if kind == EDITS:
            yield TEMPLATE.replace("{instruction}", instruction) + sequence + END_OF_TEXT
        else:
            yield program + END_OF_TEXT


def signatures(folder: Path, part: str) -> Iterator[str]:
    """Yield the beginnings of functions: imports, signature and docstring."""
    for program, _, instruction in _rows(folder, part, FUNCTIONS):
        start = program.find(instruction)
        if start >= 0 and instruction.lstrip().startswith("def "):
            yield program[: start + len(instruction)]


def requested_functions(folder: Path, part: str) -> Iterator[tuple[str, str]]:
    """Yield functions and classes with what asks for them: signature and docstring."""
    for program, _, instruction in _rows(folder, part, FUNCTIONS):
        if instruction:
            yield instruction, program


def _rows(folder: Path, part: str, kind: str) -> Iterator[tuple[str, str, str]]:
    """Yield program, edit sequence or nothing, and instruction of the rows of a kind."""
    path = folder / (f"{part}-edits.jsonl" if kind == EDITS else f"{part}.jsonl")
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    row = json.loads(line)
                    if kind != EDITS and (row["kind"] == "file") != (kind == FILES):
                        continue
                    sequence = sequence_of(row, "program").text if kind == EDITS else ""
                    yield row["program"], sequence, row.get("instruction", "").rstrip("\n")
                except (ValueError, KeyError, TypeError, UnusableRowError) as error:
                    raise DataError(
                        f"{path}, line {number}: no row of a corpus: {error}"
                    ) from error
    except FileNotFoundError as error:
        how = (
            f"ondevice lintseq {folder / f'{part}.jsonl'} {path}"
            if kind == EDITS
            else f"ondevice corpus {folder} --held-out 0.03 ..."
        )
        raise DataError(f"there is no {path}; make it: {how}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
