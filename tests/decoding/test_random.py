"""A model of noise: whatever it samples, every hunk applies."""

from __future__ import annotations

import random

import numpy as np
import pytest

from ondevice.backends.scripted import ScriptedBackend
from ondevice.decoding import Sampling
from ondevice.edits import Buffer
from ondevice.events import EditAccepted, EditRejected, Event, Finding, HunkApplied

from .helpers import decode, done, noise, of, replay

GENERATIONS = 300
LINES = ["", "    pass", "x = '<|diff|>'", "+", "-1", "@@ -0,0 +1 @@", "é = '\u2028'", "\t\x0c"]


def moody(text: str) -> list[Finding]:
    """Refuse one buffer in four, always the same ones."""
    return [Finding("moody", 1, "no")] if sum(text.encode()) % 4 == 0 else []


@pytest.fixture(scope="module")
def backend() -> ScriptedBackend:
    # One for all: the constraint tokenizer is made once, as in a model.
    return ScriptedBackend("")


def generate(
    backend: ScriptedBackend, seed: int, constrained: bool
) -> tuple[list[Event], list[str]]:
    rng = random.Random(seed)
    lines = rng.choices(LINES, k=rng.randrange(30)) if seed % 2 else []
    backend._logits = noise(seed % 16)
    events = decode(
        backend,
        Buffer(lines),
        sampling=Sampling(1.5, min_p=0.02 if seed % 3 == 0 else 0.0),
        seed=seed,
        checks=(moody,),
        max_tokens=80,
        retries=30,
        constrained=constrained,
    )
    return events, lines


def test_constrained_every_hunk_applies(backend: ScriptedBackend) -> None:
    hunks = edits = several = refused = 0
    for seed in range(GENERATIONS):
        events, lines = generate(backend, seed, constrained=True)
        assert replay(events, lines) == done(events).text
        for event in of(EditRejected, events):
            assert [finding.check for finding in event.findings] == ["moody"]
        refused += len(of(EditRejected, events))
        edits += len(of(EditAccepted, events))
        hunks += len(of(HunkApplied, events))
        several += sum(event.diff.count("\n@@ -") > 0 for event in of(EditAccepted, events))
        assert done(events).stats.hunks == len(of(HunkApplied, events))
    # The test would show nothing if the noise wrote hardly any edits.
    assert edits > GENERATIONS / 2
    assert several > GENERATIONS / 10
    assert refused > GENERATIONS / 10


def test_unconstrained_most_edits_are_refused(backend: ScriptedBackend) -> None:
    events_of = [generate(backend, seed, constrained=False) for seed in range(60)]
    findings = [
        finding.check
        for events, _ in events_of
        for event in of(EditRejected, events)
        for finding in event.findings
    ]
    assert findings.count("diff") > 10 * len([0 for check in findings if check != "diff"])
    assert len(findings) > 10 * sum(len(of(EditAccepted, events)) for events, _ in events_of)
    for events, lines in events_of:
        assert replay(events, lines) == done(events).text


def test_the_same_seed_gives_the_same_program(backend: ScriptedBackend) -> None:
    backend._logits = noise(3)
    first, again, other = (
        decode(backend, temperature=1.0, seed=seed, max_tokens=60) for seed in (5, 5, 6)
    )
    assert first[:-1] == again[:-1]
    assert first[:-1] != other[:-1]


def test_noise_is_reproducible() -> None:
    assert np.array_equal(noise(1)([1, 2, 3]), noise(1)([1, 2, 3]))
