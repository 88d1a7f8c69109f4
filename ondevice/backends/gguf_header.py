"""A check of a GGUF file that needs no native code: llama.cpp maps a file before it has seen all
of it, and ends the process at some of what it does not expect, so a damaged one is refused here.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ondevice.backends.gguf_reader import DamageError, Reader, TensorEntry
from ondevice.errors import ModelFormatError

PARAMETERS = "general.parameter_count"
"""Metadata that are always there: what a file says of it is replaced by what is counted."""
_DEFAULT_ALIGNMENT = 32
SPLIT_NAME = re.compile(r"(.*)-(\d{5})-of-(\d{5})\.gguf")


def read_header(path: Path) -> dict[str, Any]:
    """Return the metadata of a GGUF file; of an array of numbers only a ``range`` of its length.

    The files that a model is split into are all checked, of which ``path`` must be the first.
    Raises ``ModelFormatError`` when a file is no GGUF file, when its tables are not what the format
    allows or do not fit its size, or when it holds a vocabulary at which llama.cpp would end the
    process.
    """
    metadata = _read_file(path)
    for sibling in _siblings(path, metadata.get("split.count", 1)):
        if not sibling.is_file():
            raise ModelFormatError(
                f"{path} is one of several files, of which {sibling.name} is missing. Put it beside"
            )
        metadata[PARAMETERS] += _read_file(sibling)[PARAMETERS]
    return metadata


def _siblings(path: Path, count: Any) -> list[Path]:
    """Return the other files of a split model, which llama.cpp finds by their names."""
    if not isinstance(count, int) or count < 2:
        return []
    match = SPLIT_NAME.fullmatch(path.name)
    if not match or int(match[2]) != 1 or int(match[3]) != count:
        raise ModelFormatError(
            f"{path} is one of {count} files; load the first of them, which must be called "
            f"NAME-00001-of-{count:05}.gguf"
        )
    return [path.with_name(f"{match[1]}-{i:05}-of-{count:05}.gguf") for i in range(2, count + 1)]


def _read_file(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise ModelFormatError(f"{path} is no GGUF file: it does not begin with 'GGUF'")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                return _read(Reader(data), len(data))
            except DamageError as error:
                raise ModelFormatError(
                    f"{path} is damaged or incomplete: {error}. Download or export it again"
                ) from error


def _read(reader: Reader, size: int) -> dict[str, Any]:
    version = reader.version()
    if version not in (2, 3):
        raise DamageError(f"it is of GGUF version {version}; 2 and 3 are supported")
    tensors, entries = reader.counts()
    metadata: dict[str, Any] = {}
    for _ in range(entries):
        key, value = reader.entry()
        if key in metadata:
            raise DamageError(f"its metadata have {key!r} twice")
        metadata[key] = value
    _check_vocabulary(metadata)
    alignment = metadata.get("general.alignment", _DEFAULT_ALIGNMENT)
    if type(alignment) is not int or not 8 <= alignment <= 2**20 or alignment & (alignment - 1):
        raise DamageError(f"its alignment is {alignment!r}, which is no power of two from 8 on")
    # The table first: the data begin where it ends.
    table = [reader.tensor() for _ in range(tensors)]
    start = -(-reader.position // alignment) * alignment
    _check_places(table, alignment, size - start)
    metadata[PARAMETERS] = sum(tensor.elements for tensor in table)
    return metadata


def _check_places(table: Iterable[TensorEntry], alignment: int, room: int) -> None:
    """Tensors follow each other without gaps, as llama.cpp demands, and end within the file."""
    names, place = set(), 0
    for tensor in table:
        if tensor.name in names:
            raise DamageError(f"tensor {tensor.name!r} occurs twice")
        names.add(tensor.name)
        if tensor.offset != place:
            raise DamageError(
                f"tensor {tensor.name!r} begins at {tensor.offset:,} instead of {place:,}"
            )
        if place + tensor.bytes > room:
            raise DamageError(
                f"it is cut short: tensor {tensor.name!r} ends at byte {place + tensor.bytes:,} "
                f"of the data, the file at {max(room, 0):,}"
            )
        place += -(-tensor.bytes // alignment) * alignment


def _check_vocabulary(metadata: dict[str, Any]) -> None:
    tokens = metadata.get("tokenizer.ggml.tokens", [])
    if not isinstance(tokens, list):
        raise DamageError("its tokens are no texts")
    if len({token.partition("\0")[0] for token in tokens}) < len(tokens):  # it reads C strings
        raise DamageError("two of its tokens have the same text")
    for name in ("scores", "token_type"):
        values = metadata.get(f"tokenizer.ggml.{name}", range(len(tokens)))
        # llama.cpp reads one for each token, without looking at how many there are.
        if not isinstance(values, range) or len(values) != len(tokens):
            raise DamageError(f"its {len(tokens):,} tokens do not have a {name} each")
