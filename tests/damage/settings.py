"""What can be wrong with the JSON files beside a model: its tokenizer, its manifest, and others."""

from __future__ import annotations

import copy
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tests.damage import onnx_model as onnx
from tests.damage.base import Case, of_file, truncations, write

TOKENIZER, MANIFEST = "tokenizer.json", "ondevice.json"
Change = Callable[[dict[str, Any]], object]


def manifest() -> dict[str, Any]:
    contents = {
        onnx.FILE: onnx.Onnx().encode(),
        TOKENIZER: json.dumps(onnx.tokenizer()).encode(),
    }
    files = [
        {
            "path": path,
            "backend": "onnx" if path == onnx.FILE else None,
            "quantization": "fp32" if path == onnx.FILE else None,
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        for path, content in contents.items()
    ]
    return {
        "schema": 1,
        "name": "whole",
        "description": "A whole model.",
        "dialect": "lintseq",
        "prompt_template": "{instruction}\n<|diff|>",
        "context_length": 64,
        "end_tokens": ["<|endoftext|>"],
        "license": "MIT",
        "source": "tests",
        "parameters": 1,
        "files": files,
    }


def write_whole(folder: Path) -> None:
    onnx.write_whole(folder)
    write(folder / MANIFEST, json.dumps(manifest()).encode())


def cases() -> Iterator[Case]:
    for file, content in ((TOKENIZER, onnx.tokenizer()), (MANIFEST, manifest())):
        yield from _no_json(file, json.dumps(content).encode())
    for name, change in _tokenizers():
        yield _changed(f"{TOKENIZER} {name}", TOKENIZER, onnx.tokenizer(), change)
    for name, change in _manifests():
        yield _changed(f"{MANIFEST} {name}", MANIFEST, manifest(), change)
    for name, change in _checksums():
        content = copy.deepcopy(manifest())
        change(content)
        case = of_file(f"{MANIFEST} {name}", MANIFEST, json.dumps(content).encode())
        yield Case(case.name, case.write, command="verify")
    yield from _beside()


def _changed(name: str, file: str, content: dict[str, Any], change: Change) -> Case:
    changed = copy.deepcopy(content)
    change(changed)
    encoded = json.dumps(changed).encode()
    if file == MANIFEST:
        return of_file(name, file, encoded)

    def make(folder: Path) -> None:
        write(folder / file, encoded)
        (folder / MANIFEST).unlink()  # which would tell by the size

    return Case(name, make)


def _no_json(file: str, content: bytes) -> Iterator[Case]:
    step = len(content) // 8
    yield from truncations(
        file, file, content, [0, 1, len(content) - 1, *range(step, 7 * step, step)]
    )
    for name, other in {
        "of zeros": bytes(1000),
        "no UTF-8": b'{"a": "\xff"}',
        "a list": b"[]",
        "a number": b"1",
        "null": b"null",
        "an empty object": b"{}",
        "deep lists": b"[" * 200_000,
        "deep objects": b'{"a":' * 200_000,
        "deep inside": content[:-1] + b', "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        "digits": content[:-1] + b', "x": ' + b"9" * 100_000 + b"}",
    }.items():
        yield of_file(f"{file} {name}", file, other)
    yield Case(f"{file} huge", partial(_grow, file))
    if hasattr(os, "mkfifo"):
        yield Case(f"{file} a pipe", partial(_replace, file, os.mkfifo))
        yield Case(
            f"{file} a link to itself", partial(_replace, file, lambda p: p.symlink_to(file))
        )
        yield Case(f"{file} a device", partial(_replace, file, lambda p: p.symlink_to("/dev/zero")))
    yield Case(f"{file} a folder", partial(_replace, file, Path.mkdir))


def _grow(file: str, folder: Path) -> None:
    with (folder / file).open("ab") as stream:
        stream.truncate(2**36)  # a sparse file: nothing is written


def _replace(file: str, make: Callable[[Path], object], folder: Path) -> None:
    (folder / file).unlink()
    make(folder / file)


def _set(*path: Any) -> Change:
    """Return the change of what is found by all but the last of ``path`` to this last."""
    *way, key, value = path

    def change(content: Any) -> None:
        for step in way:
            content = content[step]
        content[key] = value

    return change


def _tokenizers() -> Iterator[tuple[str, Change]]:
    letter = onnx.TEXTS[0]
    for name in ("model", "added_tokens"):
        for value in (None, 1, "x", [1], {"x": 1}) if name == "model" else (1, "x", [1], [{}]):
            yield f"{name} {value}", _set(name, value)
    for kind in ("Nothing", 1, "Unigram", "WordPiece"):
        yield f"of type {kind}", _set("model", "type", kind)
    for vocabulary in (None, [], {}, [["a", 1]], "ab", 7):
        yield f"vocabulary {vocabulary}", _set("model", "vocab", vocabulary)
    for number in (-1, 1, 2**21, 2**31, 2**32, 2**63, 2**64, 1.5, True, "0", None, []):
        yield f"token {number!r}", _set("model", "vocab", letter, number)
        if number != 1:
            yield f"added token {number!r}", _set("added_tokens", 0, "id", number)
    for text in ("", None, 3):
        yield f"added text {text!r}", _set("added_tokens", 0, "content", text)
    for merges in (
        ["a"],
        ["a b c"],
        ["a zz"],
        [["a"]],
        [[1, 2]],
        [None],
        "ab c",
        [["a", "b", "c"]],
    ):
        yield f"merges {merges}", _set("model", "merges", merges)
    for name in ("pre_tokenizer", "normalizer", "decoder", "post_processor"):
        for value in ("x", 1, [], {"type": "Nothing"}):
            yield f"{name} {value}", _set(name, value)
    split = {"type": "Split", "behavior": "Isolated", "invert": False}
    for pattern in ("(", "(?<", "[", "\\p{Nothing}", "a{99999999}"):
        value = split | {"pattern": {"Regex": pattern}}
        yield f"pattern {pattern}", _set("pre_tokenizer", value)
    for charsmap in ("", "AAAA", "/////w==", "no base 64"):
        value = {"type": "Precompiled", "precompiled_charsmap": charsmap}
        yield f"map of characters {charsmap!r}", _set("normalizer", value)
    yield "no such end", lambda content: content["added_tokens"].pop()


def _manifests() -> Iterator[tuple[str, Change]]:
    for name in manifest():
        for value in (None, "", [], {}, True, -1, 2**63, 1.5):
            yield f"{name} {value!r}", _set(name, value)
        yield f"without {name}", lambda content, name=name: content.pop(name)
    for path in (
        "../model.onnx",
        "/etc/passwd",
        "a/../../b",
        "a\\b",
        "C:b",
        ".",
        "./x",
        "a//b",
        "a/",
        "..",
        "\0",
        "a\nb",
        "\x1b[2J",
        "/",
        "\u202etxt",
    ):
        yield f"path {path!r}", _set("files", 0, "path", path)
    for template in (
        "{prompt.__class__}",
        "{0}",
        "{instruction.__class__}",
        "{instruction!r}",
        "{{ instruction }}",
        "{{ ''.__class__.__mro__ }}",
        "{% for a in b %}",
        "{source.__init__.__globals__}",
        "{instruction}",
    ):
        yield f"template {template}", _set("prompt_template", "{instruction}" + template)
    for name in ("name", "license", "source", "description"):
        for value in ("\x1b]0;title\x07", "a\rb", "a\nb", "\u202e", "\x9b2J"):
            yield f"{name} {value!r}", _set(name, value)
    for name in ("bytes", "sha256", "backend", "quantization"):
        for value in ([], {}, True, -1, "x" * 65):
            yield f"{name} of a file {value!r}", _set("files", 0, name, value)
    yield "a size that is not so", _set("files", 0, "bytes", 1)
    yield "a tokenizer's size that is not so", _set("files", 1, "bytes", 1)
    yield "an end that is no token", _set("end_tokens", ["<|nothing|>"])


def _checksums() -> Iterator[tuple[str, Change]]:
    for place in (0, 1):
        yield f"checksum of file {place}", _set("files", place, "sha256", "0" * 64)
        yield f"a missing file {place}", _set("files", place, "path", "missing")


def _beside() -> Iterator[Case]:
    """Files of Hugging Face's that are read where there is no ondevice.json."""

    def beside(file: str, content: bytes, folder: Path) -> None:
        (folder / MANIFEST).unlink()
        write(folder / file, content)

    contents: dict[str, tuple[object, ...]] = {
        "config.json": (
            "", [], {},
            *({"max_position_embeddings": n} for n in (0, -1, 1.5, "64", 2**40, None, True)),
            *({"max_position_embeddings": 64, "eos_token_id": i}
              for i in ("x", [1, "x"], 1.5, {}, 2**40, -1, [10**6])),
        ),
        "tokenizer_config.json": ("", [], 1),
        "generation_config.json": ("", [], {"eos_token_id": "x"}),
    }  # fmt: skip
    for file, values in contents.items():
        for value in values:
            encoded = json.dumps(value).encode()
            yield Case(f"{file} {value!r}", partial(beside, file, encoded))
