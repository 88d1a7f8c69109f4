"""The bundled model, shared: what a request gives does not depend on what else was asked."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

import ondevice
from ondevice.errors import ClosedError
from tests.test_bundled import BACKENDS

PROMPTS = ("write fizzbuzz", "a stack class with push and pop", "write factorial(n)")
REQUESTS = [(prompt, seed) for prompt in PROMPTS for seed in range(4)]


@pytest.fixture(params=BACKENDS)
def model(request: pytest.FixtureRequest) -> Iterator[ondevice.Model]:
    with ondevice.load(backend=request.param, threads=1, sequences=5) as model:
        yield model


def ask(model: ondevice.Model, prompt: str, seed: int) -> tuple[str, int, float]:
    result = model.generate(prompt, seed=seed, temperature=1.0, max_tokens=200)
    return result.text, result.stats.tokens, result.mean_logprob


def test_eight_threads(model: ondevice.Model) -> None:
    alone = [ask(model, prompt, seed) for prompt, seed in REQUESTS]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda request: ask(model, *request), REQUESTS))
    assert together == alone


def test_a_warm_cache_and_a_cancel(model: ondevice.Model) -> None:
    first = ask(model, *REQUESTS[0])
    stream = model.stream(REQUESTS[0][0], seed=7, temperature=1.5)
    for _ in range(30):
        next(stream)
    stream.close()
    model.sample(PROMPTS[1], 5, max_tokens=60)
    assert ask(model, *REQUESTS[0]) == first


def test_beside_another_request(model: ondevice.Model) -> None:
    alone = ask(model, *REQUESTS[5])
    other = model.stream(PROMPTS[2], seed=1, temperature=1.0)
    for _ in range(10):
        next(other)
    assert ask(model, *REQUESTS[5]) == alone
    with pytest.raises(ClosedError):
        model.close()
    other.close()


def test_samples_are_the_same_again(model: ondevice.Model) -> None:
    def texts() -> list[tuple[str, int]]:
        results = model.sample(PROMPTS[1], 5, seed=3, max_tokens=150)
        return [(result.text, result.count) for result in results]

    assert texts() == texts()
