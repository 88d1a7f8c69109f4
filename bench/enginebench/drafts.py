"""What speculative drafts by look-up could save at most, from programs as the engine writes them.

Sampling token by token with the same generator, a draft is right as far as it is what was drawn
anyway, so the tokens of a run without drafts tell exactly how many a draft would have saved. Here
drafts are looked up in what stands before: the request, the program so far and, for all samples
but the first, what its siblings wrote, as if they were written one after another (the latest place
where the last ``SUFFIX`` tokens occurred).
A step with a draft is charged what the backend takes for so many tokens in one batch, measured
beside steps of one token; what else drafts would cost (logits of every place, looking up, taking
back) is not charged.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ondevice
from ondevice.backends import Backend, open_backend
from ondevice.catalogue import resolve
from ondevice.evaluation.suites.everyday import read_everyday

TASKS = Path(__file__).parents[1] / "everyday"
SUFFIX = 2
LENGTHS = (1, 2, 4, 8)
SAMPLES = 4
DEPTH = 100
"""Tokens in front of a step that is timed: half a program of the bundled model, or so."""

Written = list[tuple[int, bool]]
"""Tokens of a sample, and whether each was drawn, or forced."""


def measure(options: argparse.Namespace) -> dict[str, Any]:
    problems = read_everyday(TASKS, "wordings").problems[: options.problems]
    result: dict[str, Any] = {}
    for name in options.backends:
        backend = open_backend(resolve(None).path, backend=name, threads=options.threads)
        times = step_times(backend, options.rounds)
        with ondevice.Model(backend, name="tiny", manifest=resolve(None).manifest) as model:
            for temperature in options.temperatures:
                requests = [
                    (backend.tokenize(problem.instruction), write(model, problem, temperature))
                    for problem in problems
                ]
                result[f"{name}, temperature {temperature:g}"] = judge(requests, times)
        result[f"{name}, time of a step by its tokens, one is 1"] = times
    return result


def step_times(backend: Backend, rounds: int) -> dict[int, float]:
    """Return what so many tokens in one batch take, in times of one, measured in turns.

    The least of all: whatever else the machine does can only make it longer.
    """
    (token, *_) = backend.tokenize("a")
    found: dict[int, list[float]] = {count: [] for count in (1, *(n + 1 for n in LENGTHS))}
    for _ in range(50 * rounds):
        for count, times in found.items():
            backend.truncate(0, 0)
            backend.evaluate([(0, [token] * DEPTH)])
            started = time.perf_counter()
            backend.evaluate([(0, [token] * count)])
            times.append(time.perf_counter() - started)
    backend.truncate(0, 0)
    return {count: min(times) / min(found[1]) for count, times in found.items()}


def write(model: ondevice.Model, problem: Any, temperature: float) -> list[Written]:
    written: list[Written] = [[] for _ in range(SAMPLES if temperature else 1)]
    for event in model.stream(
        problem.instruction, samples=len(written), temperature=temperature, check="none"
    ):
        if event.type == "token":
            written[event.sample].append((event.id, not event.forced))
    return written


def judge(
    requests: Sequence[tuple[list[int], list[Written]]], times: dict[int, float]
) -> dict[str, Any]:
    """Return, for each length of a draft, the time of all steps against that without drafts."""
    result: dict[str, Any] = {}
    for length in LENGTHS:
        plain = drafted = 0.0
        offered = right = 0
        for prompt, samples in requests:
            before = list(prompt)
            for sample in samples:
                cost, found = replay(before, sample, length, times)
                plain += sum(drawn for _, drawn in sample)
                drafted += cost
                offered += found[0]
                right += found[1]
                before += [token for token, _ in sample]
        result[f"drafts of {length}"] = {
            "tokens right, share of those offered": right / offered if offered else None,
            "speed at most, times that without drafts": plain / drafted,
        }
    return result


def replay(
    before: list[int], sample: Written, length: int, times: dict[int, float]
) -> tuple[float, tuple[int, int]]:
    """Return the cost of a sample's steps, in times of one, and tokens offered and right."""
    tokens = before + [token for token, _ in sample]
    at, cost, offered, right = len(before), 0.0, 0, 0
    drawn = [False] * len(before) + [was for _, was in sample]
    while at < len(tokens):
        if not drawn[at]:  # forced tokens have a batch of their own, with drafts and without
            at += 1
            continue
        draft = look_up(tokens[:at], length)
        agreed = 0
        while (
            agreed < len(draft)
            and at + agreed < len(tokens)
            and drawn[at + agreed]
            and tokens[at + agreed] == draft[agreed]
        ):
            agreed += 1
        cost += times[len(draft) + 1] if draft else 1.0
        offered += len(draft)
        right += agreed
        at += agreed + 1
    return cost, (offered, right)


def look_up(tokens: list[int], length: int) -> list[int]:
    """Return what followed where the last tokens stood before, if that is a whole draft."""
    suffix = tokens[-SUFFIX:]
    for start in range(len(tokens) - SUFFIX - length, -1, -1):
        if tokens[start : start + SUFFIX] == suffix:
            return tokens[start + SUFFIX : start + SUFFIX + length]
    return []
