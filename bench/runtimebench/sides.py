"""Runtimes, each as a function that writes so many tokens after a prompt and tells the seconds.

All draw at temperature 1 with top-k 64 and top-p 0.95, on as many threads, and none stops before
its tokens are written. Ours keeps to the constraint, applies what it writes and yields
events; the others write free text.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ondevice
from ondevice.events import Done

SAMPLING = {"temperature": 1.0, "top_k": 64, "top_p": 0.95}
Side = Callable[[str, int, int], float]
"""Takes a prompt, a seed and a number of tokens."""
HERE = Path(__file__).parent


def ours(file: Path, threads: int) -> Side:
    model = ondevice.load(file, threads=threads, sequences=1)

    def run(prompt: str, seed: int, tokens: int) -> float:
        started = time.perf_counter()
        for event in model.stream(
            prompt, seed=seed, max_tokens=tokens, check="none", retries=10**6, **SAMPLING
        ):
            last = event
        assert isinstance(last, Done)
        assert last.stats.tokens == tokens
        return time.perf_counter() - started

    return run


def llama_class(file: Path, threads: int) -> Side:
    import llama_cpp

    model = llama_cpp.Llama(str(file), n_ctx=4096, n_threads=threads, verbose=False)

    def run(prompt: str, seed: int, tokens: int) -> float:
        model.reset()
        started = time.perf_counter()
        for _ in model(
            prompt,
            max_tokens=tokens,
            stream=True,
            seed=seed,
            repeat_penalty=1.0,
            min_p=0.0,
            logit_bias={str(model.token_eos()): -100.0},
            **SAMPLING,
        ):
            pass
        assert model.n_tokens >= tokens
        return time.perf_counter() - started

    return run


def optimum(file: Path, checkpoint: Path, threads: int) -> Side:
    """Optimum's ``ORTModelForCausalLM.generate`` on the graph that ours runs, too."""
    import onnxruntime
    from optimum.onnxruntime import ORTModelForCausalLM

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    folder = beside(checkpoint, file)
    model = ORTModelForCausalLM.from_pretrained(
        folder, file_name=file.name, session_options=options, use_io_binding=False
    )
    return generating(model, checkpoint, threads)


def transformers(checkpoint: Path, threads: int) -> Side:
    """Transformers on the CPU, in float32."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32)
    return generating(model, checkpoint, threads)


def generating(model: Any, checkpoint: Path, threads: int) -> Side:
    import torch
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    torch.set_num_threads(threads)

    def run(prompt: str, seed: int, tokens: int) -> float:
        torch.manual_seed(seed)
        started = time.perf_counter()
        given = tokenizer(prompt, return_tensors="pt", return_token_type_ids=False)
        made = model.generate(
            **given, do_sample=True, min_new_tokens=tokens, max_new_tokens=tokens, **SAMPLING
        )
        assert made.shape[1] == given["input_ids"].shape[1] + tokens
        return time.perf_counter() - started

    return run


class GenAI:
    """onnxruntime-genai, in a process of an environment of its own: its builder wants a version of
    transformers that ours cannot share."""

    def __init__(self, python: Path, graph: Path, threads: int) -> None:
        command = [str(python), str(HERE / "genai.py"), str(graph), str(threads)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(self, prompt: str, seed: int, tokens: int) -> float:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = {"prompt": prompt, "seed": seed, "tokens": tokens, **SAMPLING}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())


def build_graph(python: Path, checkpoint: Path, precision: str, folder: Path) -> Path:
    """Return the folder of the graph that onnxruntime-genai's builder makes of a checkpoint.

    Beside it stands what our backend wants to know, so that both runtimes run the same file.
    """
    target = folder / f"genai-{precision}"
    if not target.exists():
        made = folder / f"genai-{precision}.partial"
        command = [str(python), "-m", "onnxruntime_genai.models.builder", "-i", str(checkpoint)]
        command += ["-o", str(made), "-p", precision, "-e", "cpu", "-c", str(folder / "cache")]
        subprocess.run(command, check=True, capture_output=True)
        shutil.copy(checkpoint / "config.json", made)
        made.rename(target)
    return target


def beside(checkpoint: Path, file: Path) -> Path:
    """Return the folder of a graph, with the checkpoint's configuration in it."""
    for name in ("config.json", "generation_config.json"):
        if not (file.parent / name).exists():
            shutil.copy(checkpoint / name, file.parent)
    return file.parent
