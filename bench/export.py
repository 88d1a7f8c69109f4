"""What an export of a model of TinyCodeLM's size costs: seconds and memory, and that it runs.

usage: python bench/export.py [--checkpoint FOLDER] [--scratch FOLDER]
                              [--output bench/results/export.json]

A checkpoint is made like TinyCodeLM 150M: OLMo's architecture, 12 layers of 768, 50,304 rows of the
embedding, tied, float32, its tokenizer of 50,281 tokens with ``<|diff|>`` added by ``add_tokens``,
random weights (or the one in ``--checkpoint`` is taken). It is written as GGUF without any proof,
and `ondevice export` turns it into GGUF and into ONNX with it, each in a process of its own, of
which the largest resident memory is taken, files that are mapped into it included; `ondevice
generate` then writes with the constraint on. Prints a table and writes the file; exit code 1 where
a command fails.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from ondevice.cli.columns import columns, size
from ondevice.evaluation.machine import describe_machine
from ondevice.files import write_atomically

HERE = Path(__file__).parent
ROWS = 50_304
SHAPE = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "max_position_embeddings": 1024,
    "tie_word_embeddings": True,
}
EXPORTS = {"gguf": ("q8_0", "f16"), "onnx": ("int8", "fp32")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--scratch", type=Path)
    parser.add_argument("--output", type=Path, default=HERE / "results" / "export.json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
        found = measure(Path(scratch), options.checkpoint)
    write_atomically(options.output, json.dumps(found, indent=2) + "\n")
    print(table(found))
    if any(run["code"] for run in found["runs"]):
        sys.exit(1)


def measure(scratch: Path, checkpoint: Path | None) -> dict[str, Any]:
    if checkpoint is None:
        checkpoint = scratch / "checkpoint"
        made = run([sys.executable, __file__, "make", str(checkpoint)], "make")
        if made["code"]:
            raise SystemExit(made["said"])
    weights = (checkpoint / "model.safetensors").stat().st_size
    command = [sys.executable, __file__, "write", str(checkpoint), str(scratch / "f16.gguf")]
    runs = [run(command, "write GGUF in f16, no proof")]
    for format, quantizations in EXPORTS.items():
        folder = scratch / format
        command = ondevice("export", str(checkpoint), str(folder), "--format", format)
        for quantization in quantizations:
            command += ["--quantize", quantization]
        runs.append(run(command, f"export to {format}: {', '.join(quantizations)}"))
        command = ondevice("generate", "write fizzbuzz", "--model", str(folder))
        runs.append(run([*command, "--max-tokens", "64"], f"generate from {format}"))
    for one in runs:
        one["memory, times the weights"] = round(one["bytes"] / weights, 2)
        # Random weights write what is right in form and finds no end, which exit code 1 says.
        if one["what"].startswith("generate") and one["code"] == 1:
            one["code"] = 0
    return {"machine": describe_machine(), "weights": weights, "runs": runs}


def ondevice(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "ondevice.cli", *arguments]


def run(command: list[str], what: str) -> dict[str, Any]:
    """Run a command; return its exit code, its seconds, and the most memory it had."""
    began = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read().decode("utf-8", "replace")
    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "what": what,
        "code": process.returncode,
        "seconds": round(time.perf_counter() - began, 1),
        "processor seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "bytes": usage.ru_maxrss * unit,
        "said": text,
    }


def make(folder: Path) -> None:
    """Save the checkpoint into ``folder``."""
    import torch
    from enginebench.vocabulary import large_tokenizer
    from transformers import OlmoConfig, OlmoForCausalLM, PreTrainedTokenizerFast

    from ondevice.training.tokenizer import END_OF_TEXT

    tokenizer = large_tokenizer(folder / "scratch" / "tokenizer.json")
    torch.manual_seed(0)
    config = OlmoConfig(vocab_size=ROWS, bos_token_id=None, eos_token_id=0, **SHAPE)
    OlmoForCausalLM(config).save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END_OF_TEXT).save_pretrained(
        folder
    )


def write(checkpoint: Path, path: Path) -> None:
    """Write the checkpoint as GGUF, compared with nothing."""
    from ondevice.export.checkpoint import Checkpoint
    from ondevice.export.gguf import export_gguf

    export_gguf(Checkpoint.open(checkpoint), path, "f16", name="written")


def table(found: dict[str, Any]) -> str:
    rows = [("COMMAND", "SECONDS", "OF PROCESSOR", "MEMORY", "TIMES THE WEIGHTS", "EXIT CODE")]
    for one in found["runs"]:
        rows.append(
            (
                *(one["what"], f"{one['seconds']}", f"{one['processor seconds']}"),
                *(size(one["bytes"]), f"{one['memory, times the weights']}", str(one["code"])),
            )
        )
    said = [one["said"].strip() for one in found["runs"] if one["what"].startswith("export")]
    return "\n\n".join([f"weights: {size(found['weights'])}", columns(rows), *said])


if __name__ == "__main__":
    if sys.argv[1:2] == ["make"]:
        make(Path(sys.argv[2]))
    elif sys.argv[1:2] == ["write"]:
        write(*map(Path, sys.argv[2:4]))
    else:
        main()
