"""What the engine costs beside a bare loop of llama.cpp, and beside llama-cpp-python's own class.

The bare loop is llama_decode and llama.cpp's sampler chain (top-k, top-p, temperature, draw),
called from Python on the same file; ``Llama(...)(stream=True)`` samples alike. The sides take
turns. All draw at temperature 1 with top-k 64 and top-p 0.95, and none checks anything; ours keeps
to the constraint.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import llama_cpp
from llama_cpp import llama_cpp as library

import ondevice
from enginebench import fresh
from ondevice.events import Done

SAMPLING = {"temperature": 1.0, "top_k": 64, "top_p": 0.95}
PROMPT = "write a program"


def measure(options: argparse.Namespace) -> dict[str, Any]:
    folder = fresh.make(options.size, options.models)
    file = folder / "model-q8_0.gguf"
    with ondevice.load(file, backend="llama_cpp", threads=options.threads, sequences=1) as model:
        own = llama_cpp.Llama(
            str(file), n_ctx=4096, n_threads=options.threads, verbose=False, logits_all=False
        )
        sides: dict[str, Callable[[int, int], float]] = {
            "ours": lambda tokens, seed: ours(model, tokens, seed),
            "bare loop": lambda tokens, seed: bare(own, tokens, seed),
            "Llama(stream=True)": lambda tokens, seed: streamed(own, tokens, seed),
        }
        return {
            f"{tokens} tokens": compare(sides, tokens, options.rounds)
            for tokens in (100, options.longest)
        }


def compare(sides: dict[str, Callable[[int, int], float]], tokens: int, rounds: int) -> Any:
    times: dict[str, list[float]] = {name: [] for name in sides}
    for seed in range(rounds + 1):
        for name, side in sides.items():
            seconds = side(tokens, seed)
            if seed:  # the first round warms up
                times[name].append(seconds * 1e3)
    base = times["bare loop"]
    return {
        name: {
            "milliseconds a token, median": statistics.median(found),
            "spread": [min(found), max(found)],
            "times the bare loop, median": statistics.median(
                one / other for one, other in zip(found, base, strict=True)
            ),
        }
        for name, found in times.items()
    }


def ours(model: ondevice.Model, tokens: int, seed: int) -> float:
    """Return the seconds a token that is evaluated."""
    started = time.perf_counter()
    for event in model.stream(
        PROMPT, seed=seed, max_tokens=tokens, check="none", retries=10**6, **SAMPLING
    ):
        last = event
    assert isinstance(last, Done)
    return (time.perf_counter() - started) / last.stats.tokens


def bare(own: llama_cpp.Llama, tokens: int, seed: int) -> float:
    """Decode one token after another, from what llama.cpp's samplers draw."""
    context, memory = own.ctx, library.llama_get_memory(own.ctx)
    library.llama_memory_clear(memory, True)
    chain = library.llama_sampler_chain_init(library.llama_sampler_chain_default_params())
    for sampler in (
        library.llama_sampler_init_top_k(64),
        library.llama_sampler_init_top_p(0.95, 1),
        library.llama_sampler_init_temp(1.0),
        library.llama_sampler_init_dist(seed),
    ):
        library.llama_sampler_chain_add(chain, sampler)
    prompt = own.tokenize(PROMPT.encode(), add_bos=False)
    started = time.perf_counter()
    decode(context, prompt)
    for _ in range(tokens):
        token = library.llama_sampler_sample(chain, context, -1)
        decode(context, [token])
    seconds = time.perf_counter() - started
    library.llama_sampler_free(chain)
    return seconds / tokens


def decode(context: Any, tokens: list[int]) -> None:
    array = (library.llama_token * len(tokens))(*tokens)
    code = library.llama_decode(context, library.llama_batch_get_one(array, len(tokens)))
    assert code == 0, code


def streamed(own: llama_cpp.Llama, tokens: int, seed: int) -> float:
    own.reset()
    started = time.perf_counter()
    for _ in own(
        PROMPT,
        max_tokens=tokens,
        stream=True,
        seed=seed,
        repeat_penalty=1.0,
        min_p=0.0,
        logit_bias={str(own.token_eos()): -100.0},
        **SAMPLING,
    ):
        pass
    assert own.n_tokens >= tokens
    return (time.perf_counter() - started) / tokens
