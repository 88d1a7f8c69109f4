"""A whole ONNX decoder of a few kilobytes, with its tokenizer, written field by field."""

from __future__ import annotations

import json
import random
import struct
from dataclasses import dataclass
from pathlib import Path

from ondevice.backends.tokenizer_file import BYTE_LEVEL
from tests.damage.base import SEED, write

FILE = "model.onnx"
DATA = "weights.bin"
TEXTS = (*BYTE_LEVEL, "<|diff|>", "<|endoftext|>")
COUNT = len(TEXTS)
FLOAT, INT64, STRINGS = 1, 7, 8


def varint(value: int) -> bytes:
    value &= 2**64 - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes((*out, value))


def field(number: int, value: int | str | bytes, length: int | None = None) -> bytes:
    """Return a field: a number, or a text or message, whose length can be given otherwise."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    content = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(content) if length is None else length) + content


def tensor(name: str, shape: tuple[int, ...], kind: int, *data: bytes) -> bytes:
    sizes = b"".join(field(1, size) for size in shape)
    return sizes + field(2, kind) + field(8, name) + b"".join(data)


def outside(**entries: object) -> bytes:
    """Return the fields of a tensor whose data lie in another file."""
    pairs = (field(1, key) + field(2, str(value)) for key, value in entries.items())
    return b"".join(field(13, pair) for pair in pairs) + field(14, 1)


def value_info(name: str | bytes, kind: int, *shape: int | str) -> bytes:
    sizes = b"".join(field(1, field(2 if isinstance(s, str) else 1, s)) for s in shape)
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, sizes)))


def node(operator: str, inputs: str, output: str, *attributes: bytes) -> bytes:
    taken = b"".join(field(1, name) for name in inputs.split())
    given = field(2, output) + field(4, operator)
    return taken + given + b"".join(field(5, attribute) for attribute in attributes)


def attribute(name: str, kind: int, content: bytes) -> bytes:
    return field(1, name) + field(20, kind) + content


WEIGHTS = b"".join(
    struct.pack("<f", random.Random(SEED + at).gauss(0, 1)) for at in range(COUNT**2)
)
TABLE = tensor("table", (COUNT, COUNT), FLOAT, field(9, WEIGHTS))
AXES = tensor("axes", (2,), INT64, field(7, varint(1) + varint(3)))
PAST = "past_key_values.0.key"


@dataclass(frozen=True)
class Onnx:
    """A decoder whose logits depend on the last token alone, with a cache of all of them."""

    table: bytes = TABLE
    inputs: tuple[bytes, ...] = (
        value_info("input_ids", INT64, "batch", "length"),
        value_info("attention_mask", INT64, "batch", "all"),
        value_info(PAST, FLOAT, "batch", 1, "past", 1),
    )
    logits: bytes = value_info("logits", FLOAT, "batch", "length", COUNT)
    more: bytes = b""
    """Further fields of the graph."""
    after: bytes = b""
    """What follows the graph."""

    def graph(self) -> bytes:
        nodes = (
            node("Gather", "table input_ids", "logits"),
            node("Cast", "input_ids", "floats", attribute("to", 2, field(3, FLOAT))),
            node("Unsqueeze", "floats axes", "new"),
            node("Concat", f"{PAST} new", "present.0.key", attribute("axis", 2, field(3, 2))),
        )
        outputs = (self.logits, value_info("present.0.key", FLOAT, "batch", 1, "all", 1))
        return b"".join(
            (
                *(field(1, entry) for entry in nodes),
                field(2, "graph"),
                *(field(5, entry) for entry in (self.table, AXES)),
                *(field(11, entry) for entry in self.inputs),
                *(field(12, entry) for entry in outputs),
                self.more,
            )
        )

    def encode(self) -> bytes:
        return field(1, 8) + field(7, self.graph()) + field(8, field(2, 17)) + self.after


def tokenizer() -> dict[str, object]:
    """Return the content of a tokenizer.json with a token for each byte, and two more."""
    added = [
        {
            "id": TEXTS.index(content),
            "content": content,
            "special": content == TEXTS[-1],
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
        }
        for content in TEXTS[256:]
    ]
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    vocabulary = {text: place for place, text in enumerate(TEXTS[:256])}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": level | {"use_regex": True},
        "post_processor": None,
        "decoder": level | {"use_regex": True},
        "model": {"type": "BPE", "vocab": vocabulary, "merges": []},
    }


def write_whole(folder: Path) -> None:
    write(folder / FILE, Onnx().encode())
    write(folder / "tokenizer.json", json.dumps(tokenizer()).encode())
    write(folder / "config.json", b'{"max_position_embeddings": 64}')
