"""What can be wrong with an ONNX file."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from tests.damage.base import SEED, Case, flips, of_file, truncations, write
from tests.damage.onnx_model import (
    COUNT,
    DATA,
    FILE,
    FLOAT,
    INT64,
    PAST,
    STRINGS,
    WEIGHTS,
    Onnx,
    attribute,
    field,
    node,
    outside,
    tensor,
    value_info,
    write_whole,
)

__all__ = ["cases", "write_whole"]


def cases() -> Iterator[Case]:
    whole = Onnx()
    content = whole.encode()
    generator = random.Random(SEED)
    places = [1, 2, 3, 4, len(content) - 1, len(content) - 3, 50, 100]
    places += generator.sample(range(5, len(content) - 10), 25)
    yield from truncations("onnx", FILE, content, places)
    for name, damaged in (*_messages(whole), *_tensors(whole)):
        yield of_file(f"onnx {name}", FILE, damaged)
    for name, damaged in _graphs(whole):
        yield of_file(f"onnx {name}", FILE, damaged, "failed")
    yield from _places(whole)
    # The weights take most of the file, and any of their bits may be either.
    yield from flips("onnx", FILE, content, 60, 300)
    end = len(content) - 300
    for case in flips("onnx, end", FILE, content[end:], 60, 300):
        yield replace(case, write=partial(_with_end, content[:end], case.write))


def _with_end(begin: bytes, write_end: Callable[[Path], None], folder: Path) -> None:
    write_end(folder)
    write(folder / FILE, begin + (folder / FILE).read_bytes())


def _messages(whole: Onnx) -> Iterator[tuple[str, bytes]]:
    content, graph = whole.encode(), whole.graph()
    for first in (b"\0", b"\x7b", b"PK", b"\x08" * 2 + b"\xff" * 20, b"#!/bin/sh\n"):
        yield f"beginning with {first!r}", first + content[len(first) :]
    yield "no graph", field(1, 8) + field(8, field(2, 17))
    yield "two graphs", content + field(7, graph)
    for length in (len(graph) + 100, 2**31, 2**32 - 1, 2**63, 2**64 - 1):
        yield f"a graph of {length}", field(1, 8) + field(7, graph, length)
        yield f"a node of {length}", replace(whole, more=field(1, b"x", length)).encode()
        more = field(5, field(9, b"x", length))
        yield f"data of {length}", replace(whole, more=more).encode()
    for kind in (3, 4, 6, 7):
        yield f"a field of kind {kind}", content + bytes((30 << 3 & 120 | kind, 1))
        yield f"a field of kind {kind} inside", replace(whole, more=bytes((8 | kind, 1))).encode()
    yield "a field of number 0", content + field(0, 1)
    yield "a number without end", content + b"\x08" + b"\xff" * 11
    yield (
        "a name that is no text",
        replace(whole, inputs=(*whole.inputs[:2], value_info(b"\xff\xfe", FLOAT, 1))).encode(),
    )
    yield "an input without name", replace(whole, more=field(11, field(3, "doc"))).encode()
    nested = b""
    for _ in range(200):
        nested = field(1, node("If", "x", "y", attribute("then_branch", 5, field(6, nested))))
    yield "200 graphs in each other", replace(whole, more=nested).encode()
    sparse = attribute("value", 11, field(22, field(3, 2**40)))
    yield "a sparse tensor", replace(whole, more=field(15, field(3, 2**40))).encode()
    yield (
        "a sparse constant",
        replace(whole, more=field(1, node("Constant", "", "c", sparse))).encode(),
    )


def _tensors(whole: Onnx) -> Iterator[tuple[str, bytes]]:
    shape, raw = (COUNT, COUNT), field(9, WEIGHTS)

    def given(*arguments: object) -> bytes:
        return replace(whole, table=tensor("table", *arguments)).encode()  # type: ignore[arg-type]

    for size in (-1, 0, 1, COUNT - 1, COUNT + 1, 2**31, 2**32, 2**62, -(2**63)):
        yield f"{size} rows", given((size, COUNT), FLOAT, raw)
    yield "a product beyond 64 bits", given((2**33, 2**33), FLOAT, raw)
    yield "a product of zero beyond 64 bits", given((2**63 - 1, 2**63 - 1, 0), FLOAT)
    yield "many dimensions", given((1,) * 5_000, FLOAT, field(9, bytes(4)))
    for kind in (0, 2, 6 + 1, STRINGS, 14, 27, 99, 2**31, -1):
        yield f"of type {kind}", given(shape, kind, raw)
    for data in (WEIGHTS[:-1], WEIGHTS[:-4], WEIGHTS + bytes(4), b""):
        yield f"{len(data)} bytes", given(shape, FLOAT, field(9, data))
    yield "no data", given(shape, FLOAT)
    yield "data twice", given(shape, FLOAT, raw, raw)
    yield "data of two kinds", given(shape, FLOAT, raw, field(4, WEIGHTS))
    for number in (4, 5, 7, 10, 11):
        yield f"too few values in field {number}", given(shape, FLOAT, field(number, WEIGHTS[:40]))
    yield "too few texts", given((3,), STRINGS, field(6, "a"))
    yield "huge and without data", given((2**40,), FLOAT)
    constant = attribute("value", 4, field(5, tensor("c", (2**40,), FLOAT, field(9, b"x"))))
    yield (
        "a huge constant",
        replace(whole, more=field(1, node("Constant", "", "c", constant))).encode(),
    )
    function = field(25, field(1, "f") + field(7, node("Constant", "", "c", constant)))
    yield "a huge constant in a function", replace(whole, after=function).encode()


def _graphs(whole: Onnx) -> Iterator[tuple[str, bytes]]:
    """What only a loaded graph tells."""
    names = whole.inputs
    for width in (1, COUNT - 1, 2**40):
        logits = value_info("logits", FLOAT, "batch", "length", width)
        yield f"{width} logits", replace(whole, logits=logits).encode()
    for wrong in (
        (FLOAT, "batch", "heads", "past", 1),
        (FLOAT, "batch", 1, "past", "w"),
        (FLOAT, 1),
        (INT64, "batch", 1, "past", 1),
        (FLOAT, "batch", 2**40, "past", 2**40),
    ):
        cache = value_info(PAST, *wrong)
        yield f"a cache of {wrong}", replace(whole, inputs=(*names[:2], cache)).encode()
    yield "no cache", replace(whole, inputs=names[:2]).encode()
    yield "no tokens", replace(whole, inputs=names[1:]).encode()
    another = value_info("another", FLOAT, 1)
    yield "another input", replace(whole, inputs=(*names, another)).encode()
    unknown = field(1, node("NoSuchOperator", "table", "z"))
    yield "an unknown operator", replace(whole, more=unknown).encode()


def _places(whole: Onnx) -> Iterator[Case]:
    shape, length = (COUNT, COUNT), len(WEIGHTS)

    def case(name: str, prepare: Callable[[Path], object] | None, **entries: object) -> Case:
        table = tensor("table", shape, FLOAT, outside(**entries))
        content = replace(whole, table=table).encode()

        def make(folder: Path) -> None:
            write(folder.parent / DATA, WEIGHTS)
            write(folder / DATA, WEIGHTS)
            if prepare:
                (folder / DATA).unlink()
                prepare(folder)
            write(folder / FILE, content)

        return Case(f"onnx data {name}", make)

    for place in (
        "../weights.bin",
        "/etc/passwd",
        "a/../../weights.bin",
        "..\\weights.bin",
        "C:\\weights.bin",
        "\\\\host\\share",
        "",
        ".",
        "..",
        "/",
        "weights.bin/..",
        "weights.bin\0",
        "missing.bin",
        "*/_ORT_MEM_ADDR_/*",
    ):
        yield case(f"at {place!r}", None, location=place)
    yield case("nowhere", None, offset=0)
    for offset in (1, length, 2**62, 2**64, -4, "1e3", " 0", "0x0", "", "٣"):
        yield case(f"from {offset}", None, location=DATA, offset=offset)
    for size in (0, 1, length - 1, length + 1, 2**63, -1, ""):
        yield case(f"of {size} bytes", None, location=DATA, length=size)
    yield case("in a file cut short", lambda f: write(f / DATA, WEIGHTS[:-1]), location=DATA)
    yield case("in a folder", lambda f: (f / DATA).mkdir(), location=DATA)
    if hasattr(os, "mkfifo"):
        yield case("in a pipe", lambda f: os.mkfifo(f / DATA), location=DATA)
        yield case(
            "in a link out", lambda f: (f / DATA).symlink_to("../weights.bin"), location=DATA
        )
        yield case("in a link to itself", lambda f: (f / DATA).symlink_to(DATA), location=DATA)
        yield case(
            "in a link to a device", lambda f: (f / DATA).symlink_to("/dev/zero"), location=DATA
        )
        yield case("below a link out", lambda f: (f / "up").symlink_to(".."), location=f"up/{DATA}")
    table = tensor("table", shape, FLOAT, outside(location=DATA), field(9, WEIGHTS))
    yield of_file("onnx data here and outside", FILE, replace(whole, table=table).encode())
    twice = outside(location=DATA) + outside(location="/etc/passwd")
    table = tensor("table", shape, FLOAT, twice)
    yield of_file("onnx data at two places", FILE, replace(whole, table=table).encode())
    unsaid = tensor("table", shape, FLOAT, outside(location=DATA)[: -len(field(14, 1))])
    yield of_file("onnx data outside, not said so", FILE, replace(whole, table=unsaid).encode())
