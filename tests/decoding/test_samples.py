"""Several samples in one batch: each as if alone, the best first, and an early end."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ondevice.backends.scripted import ScriptedBackend
from ondevice.decoding import Engine, Pool, Request, Sampling
from ondevice.edits import Buffer
from ondevice.events import Done, Event, Finding, SampleFinished

from .helpers import FIRST, PROMPT, SECOND, STOP, decode, done, forbid, noise, of, replay

Ends = SampleFinished | Done


def several(width: int, samples: int = 6, **options: Any) -> tuple[list[Event], ScriptedBackend]:
    backend = ScriptedBackend(noise(3), max_sequences=width)
    options = {"max_tokens": 80, **options}
    return decode(backend, samples=samples, temperature=1.0, seed=5, **options), backend


def of_sample(events: list[Event], number: int) -> list[Event]:
    return [dataclasses.replace(event, sample=0) for event in events if event.sample == number]


@pytest.mark.parametrize("width", [1, 2, 4, 6, 9])
def test_a_sample_does_not_depend_on_the_batch(width: int) -> None:
    events, backend = several(width)
    alone, _ = several(1)
    for number in range(6):
        ours, theirs = (
            [
                event
                for event in of_sample(run, number)
                if not isinstance(event, SampleFinished | Done)
            ]
            for run in (events, alone)
        )
        assert ours == theirs
    assert max(len(call) for call in backend.calls) == min(width, 6)
    (first,) = (event for event in of(SampleFinished, events) if event.sample == 0)
    single = ScriptedBackend(noise(3))
    assert first.text == done(decode(single, temperature=1.0, seed=5, max_tokens=80)).text


def test_the_prompt_is_evaluated_once() -> None:
    _, backend = several(4)
    prompts = [tokens for call in backend.calls for _, tokens in call if tokens[:1] == PROMPT[:1]]
    assert prompts.count(PROMPT) == 1


def test_a_finished_sample_makes_room_for_a_waiting_one() -> None:
    events, _ = several(3, 9)
    started: set[int] = set()
    under_way = []
    finished = 0
    for event in events:
        started.add(event.sample)
        finished += isinstance(event, SampleFinished)
        if 2 in started and 8 not in started:
            under_way.append(len(started) - finished)
    assert len(under_way) > 100
    assert max(under_way) == 3
    assert under_way.count(3) > 0.8 * len(under_way)


def test_samples_that_agree_are_evaluated_once() -> None:
    """Greedy samples are all the same, and cost what one costs."""
    backend, single = ScriptedBackend(noise(3), max_sequences=4), ScriptedBackend(noise(3))
    seen: list[str] = []

    def check(text: str) -> list[Finding]:
        seen.append(text)
        return []

    events = decode(backend, samples=6, width=4, checks=(check,), tests=(), max_tokens=80)
    decode(single, max_tokens=80)
    alone = len(single.calls)
    assert len(backend.calls) <= 2 * alone
    assert all(len(call) == 1 for call in backend.calls)
    texts = {event.text for event in of(SampleFinished, events)}
    assert len(texts) == 1
    assert len(seen) == len(set(seen))


def test_samples_differ() -> None:
    events, _ = several(4)
    assert len({event.text for event in of(SampleFinished, events)}) > 1


def test_the_end_is_the_best_one() -> None:
    events, _ = several(4, checks=(forbid("x"),))
    finished = of(SampleFinished, events)
    assert sorted(event.sample for event in finished) == list(range(6))
    last = done(events)
    complete = [event for event in finished if event.finish_reason == "complete"] or finished
    fewest = min(len(event.findings) for event in complete)
    best = max(
        (event for event in complete if len(event.findings) == fewest),
        key=lambda event: event.mean_logprob,
    )
    assert (last.sample, last.text, last.mean_logprob) == (
        best.sample,
        best.text,
        best.mean_logprob,
    )
    assert last.stats.samples == 6
    assert last.stats.tokens == sum(event.stats.tokens for event in finished)
    assert last.stats.kept_tokens == best.stats.kept_tokens
    assert all(replay(of_sample(events, n)) == e.text for n, e in sorted_by_sample(finished))


def sorted_by_sample(finished: list[SampleFinished]) -> list[tuple[int, SampleFinished]]:
    return [(event.sample, event) for event in sorted(finished, key=lambda event: event.sample)]


class TestTests:
    def test_the_first_that_passes_ends_all(self) -> None:
        every, _ = several(3, 9)
        finished = [event for event in of(SampleFinished, every) if event.text]
        wanted = finished[len(finished) // 2].text

        def tests(text: str) -> list[Finding]:
            return [] if text == wanted else [Finding("tests", 1, "another text")]

        events, _ = several(3, 9, tests=(tests,))
        ended = of(SampleFinished, events)
        passed = [event for event in ended if event.passed]
        assert [event.text for event in passed] == [wanted]
        assert done(events).passed
        assert done(events).text == wanted
        assert {event.finish_reason for event in ended if event.passed is None} <= {"passed"}
        assert done(events).stats.tokens < done(every).stats.tokens

    def test_a_failure_is_a_finding(self) -> None:
        failure = Finding("tests", 3, "assert f(2) == 4")
        backend = ScriptedBackend(FIRST + STOP)
        events = decode(backend, tests=(lambda text: [failure],))
        assert done(events).passed is False
        assert done(events).findings == (failure,)
        assert done(events).finish_reason == "complete"

    def test_they_judge_the_end_alone(self) -> None:
        asked: list[str] = []
        backend = ScriptedBackend(FIRST + SECOND + STOP)
        events = decode(backend, tests=(lambda text: asked.append(text) or [],))
        assert asked == [done(events).text]
        assert done(events).passed


class TestLimits:
    def test_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        clock = 0.0

        def slow(text: str) -> list[Finding]:
            nonlocal clock
            clock += 1.0
            return []

        monkeypatch.setattr("ondevice.decoding.engine.time.perf_counter", lambda: clock)
        backend = ScriptedBackend(FIRST + SECOND + STOP)
        events = decode(backend, checks=(slow,), max_seconds=0.5)
        assert done(events).finish_reason == "time"
        assert done(events).text == "a = 1\nb = 2\n" == replay(events)

    def test_size(self) -> None:
        events = decode(ScriptedBackend(FIRST + SECOND + STOP), max_lines=1)
        assert done(events).finish_reason == "size"
        assert done(events).text == "a = 1\nb = 2\n" == replay(events)


EDITS = [f"@@ -{n},0 +{n + 1} @@\n+line_{n} = {n}\n<|diff|>" for n in range(12)]


class TestLongHistories:
    def test_the_history_makes_way_for_the_buffer(self) -> None:
        """Each edit but the last is replaced, so that a history has nothing but the buffer."""
        edits = "".join(EDITS)
        program = "".join(f"line_{n} = {n}\n" for n in range(12))
        room = len(ScriptedBackend("").tokenize(edits + STOP))
        backend = LongHistory(edits + STOP, context_length=len(PROMPT) + room * 3 // 4)
        events = decode(backend)
        assert done(events).text == program == replay(events)
        assert done(events).finish_reason == "complete"
        assert done(events).stats.compactions > 0
        held = bytes(token % 256 for token in backend._sequences[0].tokens)
        assert held.startswith(bytes(token % 256 for token in PROMPT) + b"@@ -0,0 +1,")

    def test_without_room_for_the_buffer_it_ends(self) -> None:
        backend = LongHistory("".join(EDITS), context_length=len(PROMPT) + 60)
        events = decode(backend)
        assert done(events).finish_reason == "context"
        assert done(events).text == replay(events) != ""


class LongHistory(ScriptedBackend):
    """Goes on with the edits that the buffer lacks, however the history tells of it."""

    def __init__(self, edits: str, context_length: int) -> None:
        super().__init__(self._following, context_length=context_length)
        self._edits = edits

    def _following(self, tokens: Any) -> Any:
        import numpy as np

        text = b"".join(map(self.token_bytes, tokens[len(PROMPT) :])).decode()
        finished, _, begun = text.rpartition("<|diff|>")
        lines = finished.count("\n+")
        edits = self._edits.split("<|diff|>")
        rest = "<|diff|>".join(edits[lines:])
        wanted = self.tokenize(rest)[len(self.tokenize(begun)) :]
        logits = np.zeros(self.vocab_size, dtype=np.float32)
        logits[wanted[0] if wanted else 256] = 30
        return logits


class TestReuse:
    def request(self, prompt: list[int], seed: int = 1) -> Request:
        return Request(prompt, seed=seed, sampling=Sampling(1.0), max_tokens=50)

    def run(self, pool: Pool, prompt: list[int]) -> list[Event]:
        return list(Engine(pool, self.request(prompt), Buffer()).run())[:-1]

    def test_a_beginning_that_is_known_is_not_evaluated_again(self) -> None:
        backend = ScriptedBackend(noise(1), max_sequences=2)
        pool = Pool(backend)
        long = [97] * 200 + PROMPT
        fresh = self.run(Pool(ScriptedBackend(noise(1))), long)
        other = [97] * 150 + [98] * 40 + PROMPT
        assert self.run(pool, other) != []
        backend.calls.clear()
        assert self.run(pool, long) == fresh
        first = backend.calls[0][0][1]
        assert first == long[128:192]  # the grid's last place before they part

    def test_the_same_after_a_cancel(self) -> None:
        pool = Pool(ScriptedBackend(noise(1)))
        fresh = self.run(pool, PROMPT)
        stream = Engine(pool, self.request(PROMPT, seed=9), Buffer()).run()
        for _ in range(20):
            next(stream)
        stream.close()  # type: ignore[attr-defined]
        assert self.run(pool, PROMPT) == fresh
