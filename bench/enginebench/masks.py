"""What the constraint costs a token among 50,000: asking for one token, and making a mask.

A walk over a file of 200 lines takes tokens that the constraint allows, every token from the mask;
before each one, a token is asked for as the engine asks for what it has sampled.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import defaultdict
from typing import Any

import numpy as np

from enginebench import fresh
from ondevice.backends import Backend, open_backend
from ondevice.decoding.constraints import Constraint, LintSeqConstraint, UnifiedConstraint
from ondevice.edits import SEPARATOR, Buffer

LINES = 200
TOKENS = 400
"""Sampled tokens of one walk, over as many edits as that takes."""


def measure(options: argparse.Namespace) -> dict[str, Any]:
    folder = fresh.make("30M", options.models)
    result: dict[str, Any] = {"lines": LINES, "unit": "milliseconds"}
    for name in options.backends:
        with open_backend(folder, backend=name, max_sequences=1, threads=1) as backend:
            arguments = (backend.constraint_tokenizer(), backend.vocab_size, backend.end_tokens)
            result["vocabulary"] = backend.vocab_size
            for constraint in (
                LintSeqConstraint(*arguments, lengths="written"),
                UnifiedConstraint(*arguments),
            ):
                key = f"{type(constraint).__name__}, {name}"
                result[key] = summary(walk(constraint, backend, options.rounds))
    return result


def walk(constraint: Constraint, backend: Backend, rounds: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = defaultdict(list)
    buffer = Buffer([f"    value_{number} = compute({number})  # é" for number in range(LINES)])

    def timed(what: str, call: Any, *arguments: Any) -> Any:
        started = time.perf_counter()
        found = call(*arguments)
        times[what].append((time.perf_counter() - started) * 1e3)
        return found

    for seed in range(rounds):
        rng = np.random.default_rng(seed)
        timed("starting an edit", constraint.start_edit, buffer)
        for _ in range(TOKENS):
            forced = timed("asking what is forced", constraint.forced)
            timed("asking for one token", constraint.allows, int(rng.integers(backend.vocab_size)))
            allowed = np.flatnonzero(timed("making a mask", constraint.mask))
            token = forced[0] if forced else int(rng.choice(allowed))
            constraint.mending(token)
            if token in {*backend.end_tokens, *backend.tokenize(SEPARATOR)}:
                timed("starting an edit", constraint.start_edit, buffer)
            else:
                timed("going on by a token", constraint.consume, token)
    return times


def summary(times: dict[str, list[float]]) -> dict[str, Any]:
    return {
        what: {
            "median": statistics.median(found),
            "95th percentile": statistics.quantiles(found, n=20)[-1] if len(found) > 1 else None,
        }
        for what, found in times.items()
    }
