"""Places of a lease share what they agree on, and each gets the logits of its own tokens."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from ondevice.backends.scripted import ScriptedBackend
from ondevice.decoding.lease import Lease

WIDTH = 4
PROMPT = [1, 2, 3]


def logits_of(tokens: Sequence[int]) -> NDArray[np.float32]:
    return np.random.default_rng(list(tokens)).normal(size=258).astype(np.float32)


@pytest.fixture
def backend() -> ScriptedBackend:
    return ScriptedBackend(logits_of, max_sequences=WIDTH, context_length=200)


@pytest.fixture
def lease(backend: ScriptedBackend) -> Lease:
    lease = Lease(backend, threading.Lock(), {number: [] for number in range(WIDTH)})
    lease.prefill(0, PROMPT)
    for place in range(1, WIDTH):
        lease.share(place, PROMPT)
    backend.calls.clear()
    return lease


def test_places_that_agree_are_one_row(backend: ScriptedBackend, lease: Lease) -> None:
    logits = lease.evaluate([(place, [7]) for place in range(WIDTH)])
    assert [len(call) for call in backend.calls] == [1]
    np.testing.assert_array_equal(logits, [logits_of([*PROMPT, 7])] * WIDTH)


def test_places_part_where_they_differ(backend: ScriptedBackend, lease: Lease) -> None:
    logits = lease.evaluate([(0, [7]), (1, [8]), (2, [7]), (3, [9, 9])])
    assert [len(call) for call in backend.calls] == [3]
    wanted = [[*PROMPT, *more] for more in ([7], [8], [7], [9, 9])]
    np.testing.assert_array_equal(logits, [logits_of(tokens) for tokens in wanted])
    assert sum(len(tokens) > len(PROMPT) for tokens in lease.held.values()) == 3


def test_what_is_known_is_not_evaluated_again(backend: ScriptedBackend, lease: Lease) -> None:
    """As when each sample in turn mends the same header."""
    for place in range(WIDTH):
        lease.truncate(place, 2)
        logits = lease.evaluate([(place, [5, 6])])
        np.testing.assert_array_equal(logits, [logits_of([1, 2, 5, 6])])
    assert [len(call) for call in backend.calls] == [1]


def test_another_place_keeps_what_one_forgets(backend: ScriptedBackend, lease: Lease) -> None:
    lease.evaluate([(place, [7, 8]) for place in range(WIDTH)])
    lease.truncate(0, 3)
    logits = lease.evaluate([(0, [4]), (1, [4])])
    np.testing.assert_array_equal(logits, [logits_of([*PROMPT, 4]), logits_of([*PROMPT, 7, 8, 4])])


def test_a_prompt_that_nothing_holds_is_evaluated(backend: ScriptedBackend, lease: Lease) -> None:
    for place in range(WIDTH):
        lease.prefill(place, [9, 9, 9])
    backend.calls.clear()
    lease.share(1, PROMPT)
    np.testing.assert_array_equal(lease.evaluate([(1, [4])]), [logits_of([*PROMPT, 4])])
    assert backend.calls[0][0][1] == PROMPT


def test_what_ran_before_does_not_count(backend: ScriptedBackend) -> None:
    """Logits in a cache from another request may differ in their last digits."""
    backend.evaluate([(1, [*PROMPT, 7])])
    lease = Lease(backend, threading.Lock(), {0: [], 1: [*PROMPT, 7]})
    backend.calls.clear()
    lease.prefill(0, PROMPT)
    lease.share(1, PROMPT)
    lease.evaluate([(0, [7]), (1, [7])])
    assert [call[0][1] for call in backend.calls] == [PROMPT, [7]]


@pytest.mark.parametrize("seed", range(20))
def test_any_walk_gives_what_separate_sequences_give(seed: int) -> None:
    rng = random.Random(seed)
    backend = ScriptedBackend(logits_of, max_sequences=WIDTH, context_length=1000)
    lease = Lease(backend, threading.Lock(), {number: [] for number in range(WIDTH)})
    lease.prefill(0, PROMPT)
    places = [list(PROMPT) for _ in range(WIDTH)]
    for place in range(1, WIDTH):
        lease.share(place, PROMPT)
    for _ in range(150):
        if rng.random() < 0.3:
            place = rng.randrange(WIDTH)
            length = rng.randint(len(PROMPT), len(places[place]))
            lease.truncate(place, length)
            del places[place][length:]
        elif rng.random() < 0.1:
            place = rng.randrange(WIDTH)
            lease.share(place, PROMPT)
            places[place] = list(PROMPT)
        chosen = rng.sample(range(WIDTH), rng.randint(1, WIDTH))
        batch = [(place, rng.choices([1, 2], k=rng.choice([1, 1, 1, 3]))) for place in chosen]
        logits = lease.evaluate(batch)
        for row, (place, tokens) in zip(logits, batch, strict=True):
            places[place] += tokens
            np.testing.assert_array_equal(row, logits_of(places[place]))
        for number, held in lease.held.items():
            assert backend.length(number) == len(held)
