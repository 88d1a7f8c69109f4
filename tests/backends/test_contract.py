"""What every backend promises, on the scripted one and on one random model in both formats."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import llguidance
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondevice.backends import Backend
from ondevice.errors import ClosedError, RequestError
from tests.checkpoints import MIXED_TEXTS, SOURCE

# Batches of another shape sum in another order. llama.cpp keeps its cache in F16, where that shows
# more. The logits of the random model spread over about 5.
TOLERANCE = {"scripted": 0.0, "onnx": 2e-5, "llama_cpp": 5e-3}


def assert_close(backend: Backend, found: Any, expected: Any) -> None:
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE[backend.name])


def evaluate(backend: Backend, tokens: list[int], sequence: int = 0) -> Any:
    return backend.evaluate([(sequence, tokens)])[0]


@pytest.fixture
def tokens(backend: Backend) -> list[int]:
    return backend.tokenize(SOURCE)[:100]


def text_of(backend: Backend, tokens: list[int]) -> str:
    return b"".join(backend.token_bytes(token) for token in tokens).decode()


@pytest.mark.parametrize("text", MIXED_TEXTS)
def test_text_survives_tokenization(backend: Backend, text: str) -> None:
    assert text_of(backend, backend.tokenize(text)) == text


def test_any_text_survives_tokenization(opener: Any) -> None:
    with opener() as backend:

        @given(st.text())
        def check(text: str) -> None:
            assert text_of(backend, backend.tokenize(text)) == text

        check()


def test_added_tokens_are_recognized(backend: Backend) -> None:
    separator = backend.tokenize("<|diff|>")
    assert len(separator) == 1
    assert backend.tokenize("a<|diff|>") == [*backend.tokenize("a"), *separator]
    assert backend.token_bytes(separator[0]) == b"<|diff|>"


def test_end_tokens_have_no_text(backend: Backend) -> None:
    assert backend.end_tokens == {*backend.tokenize("<|endoftext|>")}
    assert all(backend.token_bytes(token) == b"" for token in backend.end_tokens)
    assert backend.prefix_tokens == ()


def test_half_a_surrogate_pair_is_refused(backend: Backend) -> None:
    with pytest.raises(RequestError, match="Unicode"):
        backend.tokenize("\ud800")


def test_long_text_is_tokenized(backend: Backend) -> None:
    text = SOURCE * 100 + " " * 5000 + "a" * 5000
    assert text_of(backend, backend.tokenize(text)) == text


def test_every_token_has_bytes(backend: Backend) -> None:
    silent = {t for t in range(backend.vocab_size) if not backend.token_bytes(t)}
    padding = {*range(564, backend.vocab_size)} if backend.name != "scripted" else set()
    assert silent == backend.end_tokens | padding


def test_logits_have_the_promised_form(backend: Backend, tokens: list[int]) -> None:
    logits = backend.evaluate([(0, tokens), (1, tokens[:1])])
    assert logits.shape == (2, backend.vocab_size)
    assert logits.dtype == np.float32
    assert logits.flags.owndata
    assert not np.isnan(logits).any()


def test_padded_rows_cannot_be_sampled(backend: Backend, tokens: list[int]) -> None:
    impossible = np.flatnonzero(np.isneginf(evaluate(backend, tokens)))
    assert impossible.tolist() == (
        [] if backend.name == "scripted" else list(range(564, backend.vocab_size))
    )


def test_token_by_token_equals_all_at_once(backend: Backend, tokens: list[int]) -> None:
    at_once = evaluate(backend, tokens)
    for token in tokens:
        stepwise = evaluate(backend, [token], 1)
    assert_close(backend, stepwise, at_once)
    assert backend.length(0) == backend.length(1) == len(tokens)


def test_forks_diverge(backend: Backend, tokens: list[int]) -> None:
    evaluate(backend, tokens)
    backend.fork(0, 1)
    assert backend.length(1) == len(tokens)
    one, two = backend.tokenize("x")[:1], backend.tokenize("y")[:1]
    forked = backend.evaluate([(0, one), (1, two)])
    assert not np.allclose(forked[0], forked[1])
    assert_close(backend, forked[0], evaluate(backend, [*tokens, *one], 2))
    assert_close(backend, forked[1], evaluate(backend, [*tokens, *two], 3))


def test_fork_replaces_what_the_target_held(backend: Backend, tokens: list[int]) -> None:
    evaluate(backend, tokens[:30])
    evaluate(backend, tokens[40:90], 1)
    backend.fork(0, 1)
    assert backend.length(1) == 30
    logits = backend.evaluate([(0, tokens[30:31]), (1, tokens[30:31])])
    assert_close(backend, logits[1], logits[0])


def test_fork_onto_itself_changes_nothing(backend: Backend, tokens: list[int]) -> None:
    evaluate(backend, tokens)
    backend.fork(0, 0)
    assert backend.length(0) == len(tokens)


@pytest.mark.parametrize("kept", [0, 1, 37])
def test_truncation_forgets(backend: Backend, tokens: list[int], kept: int) -> None:
    first = evaluate(backend, tokens[:kept]) if kept else None
    again = evaluate(backend, tokens[kept:])
    backend.truncate(0, kept)
    assert backend.length(0) == kept
    evaluate(backend, tokens[::-1][: 60 - kept])
    backend.truncate(0, kept)
    # The same batches in the same places: equal to the last bit.
    np.testing.assert_array_equal(evaluate(backend, tokens[kept:]), again)
    if first is not None:
        backend.truncate(0, 0)
        np.testing.assert_array_equal(evaluate(backend, tokens[:kept]), first)


def test_truncation_of_a_fork_leaves_its_source(backend: Backend, tokens: list[int]) -> None:
    evaluate(backend, tokens[:50])
    backend.fork(0, 1)
    backend.truncate(1, 10)
    evaluate(backend, tokens[60:80], 1)
    after = evaluate(backend, tokens[50:51])
    assert_close(backend, after, evaluate(backend, tokens[:51], 2))


def test_truncation_beyond_the_end_changes_nothing(backend: Backend, tokens: list[int]) -> None:
    evaluate(backend, tokens)
    backend.truncate(0, len(tokens) + 5)
    assert backend.length(0) == len(tokens)


def test_overflow_leaves_all_sequences_as_they_were(backend: Backend, tokens: list[int]) -> None:
    evaluate(backend, tokens)
    evaluate(backend, tokens, 1)
    with pytest.raises(RequestError, match=r"holds 100 tokens; 157 more .* 256"):
        backend.evaluate([(1, tokens[:1]), (0, (tokens * 2)[:157])])
    assert backend.length(0) == backend.length(1) == 100
    after = backend.evaluate([(0, tokens[:1]), (1, tokens[:1])])
    assert_close(backend, after[0], after[1])


def test_every_sequence_can_be_filled(backend: Backend, tokens: list[int]) -> None:
    long = (tokens * 3)[:256]
    logits = backend.evaluate([(sequence, long) for sequence in range(4)])
    assert [backend.length(sequence) for sequence in range(4)] == [256] * 4
    for row in logits[1:]:
        assert_close(backend, row, logits[0])


def test_sequences_in_one_batch_do_not_mix(backend: Backend, tokens: list[int]) -> None:
    parts = [tokens[:70], tokens[20:21], tokens[30:100], tokens[5:60]]
    together = backend.evaluate(list(enumerate(parts)))
    for sequence, part in enumerate(parts):
        backend.truncate(sequence, 0)
        assert_close(backend, evaluate(backend, part, sequence), together[sequence])


def test_threads_with_other_sequences_each(backend: Backend, tokens: list[int]) -> None:
    """As many lanes as there are; more do no harm where there may be several."""
    if backend.name != "onnx":
        assert backend.lanes == 1
        return

    def walk(sequence: int) -> Any:
        return np.stack([backend.evaluate([(sequence, [token])])[0] for token in tokens])

    def start() -> None:
        # Forks share what they hold, until each goes on by itself.
        for sequence in range(backend.max_sequences):
            backend.truncate(sequence, 0)
        backend.evaluate([(0, tokens)])
        for sequence in range(1, backend.max_sequences):
            backend.fork(0, sequence)

    start()
    alone = [walk(sequence) for sequence in range(backend.max_sequences)]
    start()
    with ThreadPoolExecutor(backend.max_sequences) as threads:
        beside = list(threads.map(walk, range(backend.max_sequences)))
    np.testing.assert_array_equal(beside, alone)
    assert {backend.length(n) for n in range(backend.max_sequences)} == {2 * len(tokens)}


def test_same_calls_give_same_logits(backend: Backend, tokens: list[int]) -> None:
    def run() -> Any:
        for sequence in range(4):
            backend.truncate(sequence, 0)
        evaluate(backend, tokens)
        for sequence in (1, 2, 3):
            backend.fork(0, sequence)
        backend.evaluate([(s, tokens[s : s + 1]) for s in range(4)])
        return backend.evaluate([(s, tokens[s + 1 : s + 2]) for s in (0, 2)])

    np.testing.assert_array_equal(run(), run())


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ([], "empty batch"),
        ([(0, [])], "no tokens"),
        ([(0, [1]), (0, [2])], "twice"),
        ([(4, [1])], "no sequence 4"),
        ([(-1, [1])], "no sequence -1"),
        ([(0, [-1])], "vocabulary"),
        ([(0, [10_000])], "vocabulary"),
    ],
)
def test_impossible_batches_are_refused(backend: Backend, batch: Any, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        backend.evaluate(batch)


def test_impossible_positions_are_refused(backend: Backend) -> None:
    with pytest.raises(RequestError):
        backend.truncate(0, -1)
    with pytest.raises(RequestError):
        backend.fork(0, 4)
    with pytest.raises(RequestError):
        backend.token_bytes(backend.vocab_size)


def test_closed_backend_says_so(opener: Any) -> None:
    backend = opener()
    backend.constraint_tokenizer()
    backend.close()
    backend.close()
    for call in (
        lambda: backend.tokenize("a"),
        lambda: backend.token_bytes(5),
        lambda: backend.evaluate([(0, [5])]),
        lambda: backend.length(0),
        lambda: backend.fork(0, 0),
        lambda: backend.truncate(0, 0),
        backend.constraint_tokenizer,
    ):
        with pytest.raises(ClosedError, match="closed"):
            call()


def test_constraint_forces_canonical_tokens(backend: Backend) -> None:
    tokenizer = backend.constraint_tokenizer()
    assert tokenizer is backend.constraint_tokenizer()
    assert tokenizer.vocab_size == backend.vocab_size
    grammar = llguidance.LLMatcher.grammar_from_lark(
        'start: "@@ -0,0 +1" /(,[0-9])?/ " @@\\n" <|diff|>'
    )
    matcher = llguidance.LLMatcher(tokenizer, grammar)
    assert not matcher.is_error(), matcher.get_error()
    assert matcher.consume_tokens(backend.tokenize("@@ -0,0 +1,2 @@\n<|diff|>"))
    assert matcher.is_accepting()


def test_constraint_mask_allows_what_the_grammar_allows(backend: Backend) -> None:
    import llguidance.numpy as masks

    tokenizer = backend.constraint_tokenizer()
    grammar = llguidance.LLMatcher.grammar_from_lark("start: /[ab]/ <|diff|>")
    matcher = llguidance.LLMatcher(tokenizer, grammar)

    def allowed() -> set[int]:
        bits = masks.allocate_token_bitmask(1, backend.vocab_size)
        masks.fill_next_token_bitmask(matcher, bits, 0)
        flags = np.unpackbits(bits.view(np.uint8), bitorder="little")
        return {*np.flatnonzero(flags).tolist()}

    assert {backend.token_bytes(token) for token in allowed()} == {b"a", b"b"}
    assert matcher.consume_token(backend.tokenize("a")[0])
    assert allowed() == {*backend.tokenize("<|diff|>")}
