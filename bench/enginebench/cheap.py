"""What the engine costs beside a bare loop of llama.cpp, and beside llama-cpp-python's own class.

The bare loop is llama_decode and llama.cpp's sampler chain (top-k, top-p, temperature, draw),
called from Python on the same file; ``Llama(...)(stream=True)`` samples alike. All draw at
temperature 1 with top-k 64 and top-p 0.95, and none checks anything; ours keeps to the constraint.

The sides take turns every few tokens, so that what else the machine does weighs on all alike, and
are compared block by block. What a side costs by itself is the time between the end of one
llama_decode and the start of the next.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import time
from collections import defaultdict
from collections.abc import Generator
from typing import Any

import llama_cpp
from llama_cpp import llama_cpp as library

import ondevice
from enginebench import fresh

SAMPLING = {"temperature": 1.0, "top_k": 64, "top_p": 0.95}
PROMPT = "write a program"
BLOCK = 20
"""Tokens of a turn."""
BAND = 100
"""Tokens at the beginning and at the end of a run that are told of."""
STREAMED = 300
"""Tokens of a run beside ``Llama(stream=True)``, taken as a whole: it keeps text back, and reads
all of it anew for each token, so that the longest runs would take it minutes."""

Side = Generator[None]
Turn = tuple[float, list[float]]
"""Seconds a token, and those of each step outside of llama_decode."""


class Clock:
    """Stands before llama_decode and notes how long the pauses between two calls are."""

    def __init__(self) -> None:
        self.decode = library.llama_decode
        self._left = 0.0
        self.pauses: list[float] = []

    def __call__(self, *arguments: Any) -> int:
        if self._left:
            self.pauses.append(time.perf_counter() - self._left)
        code: int = self.decode(*arguments)
        self._left = time.perf_counter()
        return code

    def turn(self, side: Side, tokens: int) -> Turn:
        """Bring a side on by so many tokens."""
        self._left, self.pauses = 0.0, []
        started = time.perf_counter()
        for _ in range(tokens):
            next(side)
        return (time.perf_counter() - started) / tokens, self.pauses


def measure(options: argparse.Namespace) -> dict[str, Any]:
    folder = fresh.make(options.size, options.models)
    file = folder / "model-q8_0.gguf"
    own = llama_cpp.Llama(str(file), n_ctx=4096, n_threads=options.threads, verbose=False)
    with ondevice.load(file, backend="llama_cpp", threads=options.threads, sequences=1) as model:
        result = {"size": options.size, "rounds": options.rounds}
        return result | beside_bare(model, own, options) | beside_class(model, own, options.rounds)


def beside_bare(
    model: ondevice.Model, own: llama_cpp.Llama, options: argparse.Namespace
) -> dict[str, Any]:
    longest = options.longest
    blocks: dict[tuple[str, int], list[Turn]] = defaultdict(list)
    clock = Clock()
    library.llama_decode = clock
    try:
        for seed in range(options.rounds):
            with contextlib.ExitStack() as stack:
                sides = {"ours": ours(model, longest, seed), "bare loop": bare(own, seed)}
                for side in sides.values():
                    stack.callback(side.close)
                for start in range(0, longest, BLOCK):
                    for name, side in sides.items():
                        blocks[name, start].append(clock.turn(side, BLOCK))
    finally:
        library.llama_decode = clock.decode
    # The first block holds the prompt.
    bands = {"first": range(BLOCK, BAND, BLOCK), "last": range(longest - BAND, longest, BLOCK)}
    return {
        f"{name} {BAND} of {longest} tokens": compare(
            *([turn for start in starts for turn in blocks[side, start]] for side in sides)
        )
        for name, starts in bands.items()
    }


def compare(turns: list[Turn], base: list[Turn]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, found in (("ours", turns), ("bare loop", base)):
        pauses = statistics.median(pause for _, pauses in found for pause in pauses)
        result[name] = {
            "milliseconds a token, median": statistics.median(one for one, _ in found) * 1e3,
            "of which outside of llama_decode, median of steps": pauses * 1e3,
        }
    ratios = [one / other for (one, _), (other, _) in zip(turns, base, strict=True)]
    result["ours, times the bare loop, median of blocks"] = statistics.median(ratios)
    result["quartiles"] = statistics.quantiles(ratios)[::2]
    return result


def beside_class(model: ondevice.Model, own: llama_cpp.Llama, rounds: int) -> dict[str, Any]:
    ratios = []
    for seed in range(rounds):
        times = []
        for side in (ours(model, STREAMED, seed), streamed(own, seed)):
            started = time.perf_counter()
            with contextlib.closing(side):
                for _ in range(STREAMED):
                    next(side)
            times.append(time.perf_counter() - started)
        ratios.append(times[1] / times[0])
    name = f"tokens a second, times those of Llama(stream=True), {STREAMED} tokens"
    return {name: {"median": statistics.median(ratios), "spread": [min(ratios), max(ratios)]}}


def ours(model: ondevice.Model, tokens: int, seed: int) -> Side:
    """Yield once a token that is evaluated."""
    stream = model.stream(
        PROMPT, seed=seed, max_tokens=tokens + BLOCK, check="none", retries=10**6, **SAMPLING
    )
    with contextlib.closing(stream):
        for event in stream:
            if event.type == "token":
                yield


def bare(own: llama_cpp.Llama, seed: int) -> Side:
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
    decode(context, own.tokenize(PROMPT.encode(), add_bos=False))
    try:
        while True:
            token = library.llama_sampler_sample(chain, context, -1)
            decode(context, [token])
            yield
    finally:
        library.llama_sampler_free(chain)


def decode(context: Any, tokens: list[int]) -> None:
    array = (library.llama_token * len(tokens))(*tokens)
    code = library.llama_decode(context, library.llama_batch_get_one(array, len(tokens)))
    assert code == 0, code


def streamed(own: llama_cpp.Llama, seed: int) -> Side:
    """Yield once a token; a piece of text may take several."""
    own.reset()
    before = own.n_tokens
    for _ in own(
        PROMPT,
        max_tokens=STREAMED + BLOCK,
        stream=True,
        seed=seed,
        repeat_penalty=1.0,
        min_p=0.0,
        logit_bias={str(own.token_eos()): -100.0},
        **SAMPLING,
    ):
        for _ in range(own.n_tokens - max(before, 1)):
            yield
        before = own.n_tokens
