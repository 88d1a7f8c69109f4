"""A thousand random roll-backs and forks leave nothing behind."""

from __future__ import annotations

import random

import numpy as np

from ondevice.backends import Backend

STEPS = 1000
LONGEST = 60


def test_logits_after_roll_backs_and_forks_are_a_fresh_evaluation_s(backend: Backend) -> None:
    rng = random.Random(4)
    usable = [token for token in range(backend.vocab_size) if token not in backend.end_tokens]
    held: list[list[int]] = [[] for _ in range(backend.max_sequences)]
    assert len(held) > 2

    def append(sequence: int) -> None:
        token = rng.choice(usable)
        backend.evaluate([(sequence, [token])])
        held[sequence].append(token)

    for sequence in range(len(held)):
        append(sequence)
    for _ in range(STEPS):
        sequence, other = rng.sample(range(len(held)), 2)
        if rng.random() < 0.4:
            backend.fork(sequence, other)
            held[other] = list(held[sequence])
        else:
            length = rng.randrange(len(held[sequence]))
            backend.truncate(sequence, length)
            del held[sequence][length:]
        while len(held[sequence]) < 2 or (len(held[sequence]) < LONGEST and rng.random() < 0.7):
            append(sequence)
    probe = usable[0]
    found = [backend.evaluate([(number, [probe])])[0] for number in range(len(held))]
    for number, tokens in enumerate(held):
        backend.truncate(number, 0)
        for token in tokens:
            backend.evaluate([(number, [token])])
        fresh = backend.evaluate([(number, [probe])])[0]
        assert np.array_equal(found[number], fresh), number
