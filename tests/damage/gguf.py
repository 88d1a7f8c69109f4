"""A whole GGUF model of a few kilobytes, and what can be wrong with one."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from ondevice.backends.tokenizer_file import BYTE_LEVEL
from tests.damage.base import SEED, Case, flips, of_file, truncations, write

FILE = "model.gguf"
WIDTH, HEADS, INNER = 32, 2, 64
TEXTS = (*BYTE_LEVEL, "<|diff|>", "<|endoftext|>")
U8, I8, U32, I32, F32, BOOL, STRING, ARRAY, U64 = 0, 1, 4, 5, 6, 7, 8, 9, 10
F32_TENSOR, Q8_0_TENSOR = 0, 8
HUGE = (2**31, 2**32 - 1, 2**63, 2**64 - 1)


def number(code: str, value: float) -> bytes:
    return struct.pack("<" + code, value)


def string(text: str | bytes, length: int | None = None) -> bytes:
    content = text if isinstance(text, bytes) else text.encode()
    return number("Q", len(content) if length is None else length) + content


def array(kind: int, items: list[bytes], count: int | None = None) -> bytes:
    return number("I", kind) + number("Q", len(items) if count is None else count) + b"".join(items)


Value = tuple[int, bytes]


def u32(value: int) -> Value:
    return U32, number("I", value)


def f32(value: float) -> Value:
    return F32, number("f", value)


def text(value: str) -> Value:
    return STRING, string(value)


@dataclass(frozen=True)
class Tensor:
    name: str
    shape: tuple[int, ...]
    data: bytes
    kind: int = F32_TENSOR
    offset: int | None = None
    dimensions: int | None = None


def _metadata() -> dict[str, Value]:
    return {
        "general.architecture": text("llama"),
        "llama.context_length": u32(64),
        "llama.block_count": u32(1),
        "llama.embedding_length": u32(WIDTH),
        "llama.feed_forward_length": u32(INNER),
        "llama.attention.head_count": u32(HEADS),
        "llama.attention.head_count_kv": u32(HEADS),
        "llama.attention.layer_norm_rms_epsilon": f32(1e-5),
        "llama.rope.freq_base": f32(10_000),
        "tokenizer.ggml.model": text("gpt2"),
        "tokenizer.ggml.pre": text("default"),
        "tokenizer.ggml.tokens": (ARRAY, array(STRING, [string(t) for t in TEXTS])),
        "tokenizer.ggml.token_type": (
            ARRAY,
            array(I32, [number("i", k) for k in [1] * 256 + [4, 3]]),
        ),
        "tokenizer.ggml.merges": (ARRAY, array(STRING, [string("a b")])),
        "tokenizer.ggml.eos_token_id": u32(len(TEXTS) - 1),
        "tokenizer.ggml.add_bos_token": (BOOL, b"\0"),
    }


def _tensors() -> tuple[Tensor, ...]:
    shapes = {
        "token_embd": (WIDTH, len(TEXTS)),
        "output_norm": (WIDTH,),
        "blk.0.attn_norm": (WIDTH,),
        "blk.0.attn_q": (WIDTH, WIDTH),
        "blk.0.attn_k": (WIDTH, WIDTH),
        "blk.0.attn_v": (WIDTH, WIDTH),
        "blk.0.attn_output": (WIDTH, WIDTH),
        "blk.0.ffn_norm": (WIDTH,),
        "blk.0.ffn_gate": (WIDTH, INNER),
        "blk.0.ffn_up": (WIDTH, INNER),
        "blk.0.ffn_down": (INNER, WIDTH),
    }
    generator = np.random.default_rng(SEED)
    return tuple(
        Tensor(f"{name}.weight", shape, generator.normal(0, 0.1, shape).astype("<f4").tobytes())
        for name, shape in shapes.items()
    )


@dataclass(frozen=True)
class Gguf:
    """A file in its parts; what is counted can be given otherwise than it is."""

    metadata: dict[str, Value] = field(default_factory=_metadata)
    tensors: tuple[Tensor, ...] = field(default_factory=_tensors)
    magic: bytes = b"GGUF"
    version: int = 3
    entry_count: int | None = None
    tensor_count: int | None = None
    repeated: str | None = None

    def header(self) -> bytes:
        entries = [(key, *value) for key, value in self.metadata.items()]
        entries += [entry for entry in entries if entry[0] == self.repeated]
        tensors = len(self.tensors) if self.tensor_count is None else self.tensor_count
        count = len(entries) if self.entry_count is None else self.entry_count
        parts = [self.magic, number("I", self.version), number("Q", tensors), number("Q", count)]
        parts += [string(key) + number("I", kind) + content for key, kind, content in entries]
        place = 0
        for tensor in self.tensors:
            offset = place if tensor.offset is None else tensor.offset
            rank = len(tensor.shape) if tensor.dimensions is None else tensor.dimensions
            parts += [string(tensor.name), number("I", rank)]
            parts += [number("Q", size) for size in tensor.shape]
            parts += [number("I", tensor.kind), number("Q", offset)]
            place += len(tensor.data)
        return b"".join(parts)

    def encode(self) -> bytes:
        header = self.header()
        data = b"".join(tensor.data for tensor in self.tensors)
        return header + bytes(-len(header) % 32) + data

    def having(self, **entries: Value | None) -> Gguf:
        """Return a file with other metadata; a None takes the entry out."""
        changed = self.metadata | {key.replace("__", "."): v for key, v in entries.items()}
        return replace(self, metadata={k: v for k, v in changed.items() if v is not None})

    def with_first(self, **changes: object) -> Gguf:
        """Return a file whose first tensor is described otherwise."""
        return replace(self, tensors=(replace(self.tensors[0], **changes), *self.tensors[1:]))  # type: ignore[arg-type]


def write_whole(folder: Path) -> None:
    write(folder / FILE, Gguf().encode())


def cases() -> Iterator[Case]:
    whole = Gguf()
    content, header = whole.encode(), len(whole.header())
    generator = random.Random(SEED)
    places = [1, 3, 4, 5, 7, 8, 15, 16, 23, 24, 30, header - 1, header, header + 1]
    places += [len(content) - 1, len(content) - 33, *generator.sample(range(4, header), 20)]
    yield from truncations("gguf", FILE, content, places)
    yield from truncations("gguf", FILE, content, generator.sample(range(header, len(content)), 6))
    for name, damaged in (*_counts(whole), *_metadata_damage(whole), *_tensor_damage(whole)):
        yield of_file(f"gguf {name}", FILE, damaged.encode())
    yield from _splits(whole)
    yield from flips("gguf", FILE, content, 150, header)


def _counts(whole: Gguf) -> Iterator[tuple[str, Gguf]]:
    for magic in (b"GGML", b"GGU\0", b"FUGG", b"\0\0\0\0", b"PK\3\4", b"gguf"):
        yield f"magic {magic!r}", replace(whole, magic=magic)
    for version in (0, 1, 4, 3 << 24, 2**32 - 1):
        yield f"version {version}", replace(whole, version=version)
    for count in (len(whole.tensors) + 1, 10**6, *HUGE):
        yield f"{count} tensors", replace(whole, tensor_count=count)
    for count in (len(whole.metadata) + 1, len(whole.metadata) - 1, 0, 10**6, *HUGE):
        yield f"{count} entries", replace(whole, entry_count=count)


def _metadata_damage(whole: Gguf) -> Iterator[tuple[str, Gguf]]:
    having, architecture = whole.having, "general__architecture"
    for length in (10**6, *HUGE):
        yield f"text of {length}", having(**{architecture: (STRING, string("llama", length))})
        tokens = array(STRING, [string(TEXTS[0])], length)
        yield f"array of {length}", having(tokenizer__ggml__tokens=(ARRAY, tokens))
        yield f"numbers of {length}", having(x=(ARRAY, array(U8, [b"\0"], length)))
    for kind in (13, 14, 255, 2**32 - 1):
        yield f"value of type {kind}", having(x=(kind, bytes(8)))
        yield f"array of type {kind}", having(x=(ARRAY, array(kind, [bytes(8)])))
    nested = array(ARRAY, [array(U8, [b"\0"])])
    yield "an array of arrays", having(x=(ARRAY, nested))
    yield "arrays to the end", having(x=(ARRAY, (number("I", ARRAY) + number("Q", 1)) * 5_000))
    yield "a bool of 2", having(tokenizer__ggml__add_bos_token=(BOOL, b"\2"))
    yield "an entry twice", replace(whole, repeated="llama.block_count")
    yield "an entry without name", replace(whole, metadata={**whole.metadata, "": u32(1)})
    for value in (u32(0), u32(3), u32(2**31), text("32"), f32(32), (BOOL, b"\1")):
        yield f"alignment {value}", having(general__alignment=value)
    yield from _model_damage(whole)


def _model_damage(whole: Gguf) -> Iterator[tuple[str, Gguf]]:
    having = whole.having
    yield "no architecture", having(general__architecture=None)
    yield "an architecture of numbers", having(general__architecture=u32(1))
    for name in ("context_length", "block_count", "embedding_length", "attention__head_count"):
        for value in (None, u32(0), u32(2**32 - 1), text("a" * 1000), f32(2), (BOOL, b"\1")):
            yield f"{name} {str(value)[:20]}", having(**{f"llama__{name}": value})
        minus = (I32, number("i", -1))
        yield f"{name} below zero", having(**{f"llama__{name}": minus})
    for name in ("head_count_kv", "key_length", "value_length"):
        for value in (u32(0), u32(2**32 - 1), text("2")):
            yield f"{name} {str(value)[:20]}", having(**{f"llama__attention__{name}": value})
    for heads in (0, 2, 1000):
        listed = (ARRAY, array(U32, [number("I", 2)] * heads))
        yield f"heads of {heads} layers", having(llama__attention__head_count=listed)
    for value in (f32(-1), f32(float("nan")), f32(float("inf")), text("1e-5")):
        yield f"epsilon {value}", having(llama__attention__layer_norm_rms_epsilon=value)
    yield "experts", having(llama__expert_count=u32(2**32 - 1))
    twice = [string(t) for t in (*TEXTS[:-1], TEXTS[0])]
    cut = [string(t) for t in (*TEXTS[:-1], TEXTS[0] + "\0b")]
    for name, texts in (("a token twice", twice), ("a token twice, cut at its NUL", cut)):
        yield name, having(tokenizer__ggml__tokens=(ARRAY, array(STRING, texts)))
    yield "tokens that are numbers", having(tokenizer__ggml__tokens=(ARRAY, array(U8, [b"\0"])))
    for count in (0, 1, len(TEXTS) - 1, len(TEXTS) + 1):
        few = array(I32, [number("i", 1)] * count)
        yield f"types of {count} tokens", having(tokenizer__ggml__token_type=(ARRAY, few))
        scores = array(F32, [number("f", 0)] * count)
        yield f"scores of {count} tokens", having(tokenizer__ggml__scores=(ARRAY, scores))
    for model in ("bert", "t5"):
        yield f"a tokenizer of {model}", having(tokenizer__ggml__model=text(model))


def _tensor_damage(whole: Gguf) -> Iterator[tuple[str, Gguf]]:
    first = partial(whole.with_first)
    for count in (0, 5, 1000, 2**32 - 1):
        yield f"{count} dimensions", first(dimensions=count)
    for size in (0, 33, 2**20, *HUGE):
        yield f"rows of {size}", first(shape=(size, len(TEXTS)))
        yield f"{size} rows", first(shape=(WIDTH, size))
    yield "a product beyond 64 bits", first(shape=(2**32, 2**32))
    yield "a product of zero beyond 64 bits", first(shape=(2**33, 2**31, 2, 0))
    for kind in (4, 5, 31, 36, 42, 255, 2**31, 2**32 - 1):
        yield f"type {kind}", first(kind=kind)
    yield "rows that are no blocks", first(kind=Q8_0_TENSOR, shape=(31, len(TEXTS)))
    for offset in (1, 31, 32, 4096, len(whole.encode()), *HUGE):
        yield f"offset {offset}", first(offset=offset)
    for name in ("", "n" * 64, "n" * 100_000, whole.tensors[1].name):
        yield f"name {name[:20]!r} of {len(name)}", first(name=name)
    second = replace(whole.tensors[1], offset=0)
    overlapping = (whole.tensors[0], second, *whole.tensors[2:])
    yield "two tensors at one place", replace(whole, tensors=overlapping)


def _splits(whole: Gguf) -> Iterator[Case]:
    split = whole.having(split__count=(2, number("H", 2)), split__no=(2, number("H", 0)))
    content = split.encode()
    yield of_file("gguf one of two, not called so", FILE, content)

    def pair(second: bytes | None, folder: Path) -> None:
        (folder / FILE).unlink()
        write(folder / "m-00001-of-00002.gguf", content)
        if second is not None:
            write(folder / "m-00002-of-00002.gguf", second)

    yield Case("gguf the second is missing", partial(pair, None))
    yield Case("gguf the second is cut", partial(pair, content[: len(content) // 2]))
    yield Case("gguf the second is something else", partial(pair, b"#!/bin/sh\n"))
