"""Our GGUF files beside those of llama.cpp's own converter: every tensor and every key, both ways.

usage: python bench/converter.py LLAMA_CPP [--output bench/results/converter.json]

LLAMA_CPP is a folder with llama.cpp's source, outside this repository; the sdist of
llama-cpp-python has it in vendor/llama.cpp:

    pip download --no-binary llama-cpp-python --no-deps llama-cpp-python==0.3.36

Their converter needs sentencepiece beside what `pip install '.[export]'` installs.
Random checkpoints of OLMo, Llama (with the rope scaling of Llama 3) and Qwen 2 are made, with a
byte-level tokenizer of the kind that each has, and written in F16 by both. Their converter knows a
tokenizer by the hash of what it makes of a text, so that it is told the name of these.
Prints every difference with its reason, and writes the file; exit code 1 where a reason is missing.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from converterbench import checkpoints
from converterbench.reasons import largest_difference, reason_for

from ondevice.cli.columns import columns
from ondevice.evaluation.machine import describe_machine
from ondevice.export.checkpoint import Checkpoint
from ondevice.export.gguf import export_gguf
from ondevice.files import write_atomically

HERE = Path(__file__).parent
THEIRS = """
import runpy, sys
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/gguf-py"]
from conversion import base
name = sys.argv[2]
base.TextModel.get_vocab_base_pre = lambda self, tokenizer: name
sys.argv = ["convert_hf_to_gguf.py", *sys.argv[3:]]
runpy.run_path(sys.path[0] + "/convert_hf_to_gguf.py", run_name="__main__")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("llama_cpp", type=Path, metavar="LLAMA_CPP")
    parser.add_argument("--output", type=Path, default=HERE / "results" / "converter.json")
    options = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name, (make, pre) in checkpoints.CASES.items():
            folder = make(Path(scratch) / name)
            found[name] = compare(folder, options.llama_cpp.resolve(), pre)
    report = {"machine": describe_machine(), "converter": version(options.llama_cpp), **found}
    write_atomically(options.output, json.dumps(report, indent=2) + "\n")
    print(table(found))
    if any(row["reason"] is None for one in found.values() for row in one["differences"]):
        sys.exit(1)


def version(llama_cpp: Path) -> str:
    """Return what the folder's name says, or its parents': it carries no version of its own."""
    return next((p.name for p in (llama_cpp, *llama_cpp.parents) if p.name[-1:].isdigit()), "")


def compare(folder: Path, llama_cpp: Path, pre: str) -> dict[str, Any]:
    """Write ``folder`` by both converters and return what differs."""
    from gguf import GGUFReader

    ours, theirs = folder / "ours.gguf", folder / "theirs.gguf"
    export_gguf(Checkpoint.open(folder), ours, "f16", name=folder.name)
    command = [sys.executable, "-c", THEIRS, str(llama_cpp), pre, str(folder)]
    command += ["--outfile", str(theirs), "--outtype", "f16", "--model-name", folder.name]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"the converter failed on {folder.name}:\n{done.stderr[-2000:]}")
    readers = [GGUFReader(path) for path in (ours, theirs)]
    fields, tensors = [fields_of(r) for r in readers], [tensors_of(r) for r in readers]
    return {
        "keys": len(fields[0].keys() | fields[1].keys()),
        "tensors": len(tensors[0].keys() | tensors[1].keys()),
        "differences": [
            *differences("metadata", *fields),
            *differences("tensor", *tensors),
        ],
    }


def fields_of(reader: Any) -> dict[str, Any]:
    return {
        name: (str(field.types[0].name), field.contents())
        for name, field in reader.fields.items()
        if not name.startswith("GGUF.")
    }


def tensors_of(reader: Any) -> dict[str, Any]:
    return {
        t.name: (t.tensor_type.name, tuple(map(int, t.shape)), np.asarray(t.data).tobytes())
        for t in reader.tensors
    }


def differences(
    what: str, ours: dict[str, Any], theirs: dict[str, Any]
) -> Iterator[dict[str, str | None]]:
    """Yield what is not the same in both, with the reason if there is one."""
    for name in sorted(ours.keys() | theirs.keys()):
        left, right = ours.get(name), theirs.get(name)
        if left != right:
            short_left, short_right = shown(left, right)
            yield {
                "what": what,
                "name": name,
                "ours": short_left,
                "theirs": short_right,
                "reason": reason_for(name, left, right),
            }


def shown(left: Any, right: Any) -> tuple[str, str]:
    """Return both values in short, lists from the first place in which they differ."""
    if left is None or right is None:
        return tuple("absent" if value is None else short(value[1]) for value in (left, right))
    if isinstance(left[1], list) and isinstance(right[1], list):
        pairs = enumerate(zip(left[1], right[1], strict=False))
        place = next((at for at, (a, b) in pairs if a != b), min(len(left[1]), len(right[1])))
        return tuple(f"[{place}] {short(value[1][place:])}" for value in (left, right))
    if isinstance(left[-1], bytes):
        if left[:2] == right[:2] == ("F32", left[1]):
            off = largest_difference(left, right)
            return short(left[:2]), f"the same but for {off:.1e} of the largest"
        return short(left[:2]), short(right[:2])
    return short(left), short(right)


def short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def table(found: dict[str, Any]) -> str:
    rows = [("CHECKPOINT", "WHAT", "NAME", "OURS", "THEIRS", "REASON")]
    for name, one in found.items():
        rows += [
            (name, *(d[key] for key in ("what", "name", "ours", "theirs")), d["reason"] or "NONE")
            for d in one["differences"]
        ]
        same = one["keys"] + one["tensors"] - len(one["differences"])
        rows.append((name, f"{same} keys and tensors are the same", "", "", "", ""))
    return columns(rows)


if __name__ == "__main__":
    main()
