"""Drawing tokens: the distribution is that of a plain reference, for every combination."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from numpy.typing import NDArray

from ondevice.decoding import Sampling
from ondevice.decoding.sampling import _narrowed, log_probability, sample, sample_rows
from ondevice.errors import RequestError

DRAWS = 2000


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    weights: NDArray[np.float64] = np.exp(logits - logits.max())
    return np.asarray(weights / weights.sum())


def reference(logits: NDArray[np.float32], sampling: Sampling) -> NDArray[np.float64]:
    """The probabilities, filter after filter in Hugging Face's order, by plain loops."""
    scores = [float(value) / sampling.temperature for value in logits]
    order = sorted(range(len(scores)), key=lambda token: -scores[token])
    if sampling.top_k:
        order = order[: sampling.top_k]
    shares = softmax(np.array([scores[token] for token in order]))
    kept, total = [], 0.0
    for token, share in zip(order, shares, strict=True):
        if sampling.top_p < 1.0 and total >= sampling.top_p:
            break
        kept.append(token)
        total += share
    shares = softmax(np.array([scores[token] for token in kept]))
    final = [
        t for t, share in zip(kept, shares, strict=True) if share >= sampling.min_p * shares[0]
    ]
    result = np.zeros(len(scores))
    result[final] = softmax(np.array([scores[token] for token in final]))
    return result


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(1.0),
        Sampling(0.5),
        Sampling(1.5),
        Sampling(1.0, top_k=1),
        Sampling(1.0, top_k=7),
        Sampling(1.0, top_k=1000),
        Sampling(1.0, top_p=0.9),
        Sampling(2.0, top_p=0.5),
        Sampling(1.0, top_p=1e-9),
        Sampling(1.0, min_p=0.1),
        Sampling(1.0, min_p=1.0),
        Sampling(0.8, top_k=20, top_p=0.8, min_p=0.05),
        Sampling(1.3, top_k=5, top_p=0.99),
    ],
    ids=str,
)
@pytest.mark.parametrize("size", [12, 400])
def test_the_distribution_is_the_reference(sampling: Sampling, size: int) -> None:
    logits = np.random.default_rng(size).normal(0, 2, size).astype(np.float32)
    logits[3] = -np.inf
    expected = reference(logits, sampling)
    rng = np.random.default_rng(1)
    counts = np.bincount([sample(logits, sampling, rng) for _ in range(DRAWS)], minlength=size)
    assert not counts[expected == 0].any()
    # Chi-square over the tokens with enough draws to speak of, the rest taken together.
    common = expected * DRAWS >= 5
    seen = np.append(counts[common], counts[~common].sum())
    due = np.append(expected[common], expected[~common].sum()) * DRAWS
    seen, due = seen[due > 0], due[due > 0]
    freedom = len(due) - 1
    assert ((seen - due) ** 2 / due).sum() <= freedom + 4 * np.sqrt(2 * freedom)


@pytest.mark.parametrize("top_p", [0.1, 0.25, 0.5, 0.500001, 0.75, 0.99])
@pytest.mark.parametrize("size", [4, 8, 256, 2048])
def test_top_p_is_exact(top_p: float, size: int) -> None:
    """Equal weights in powers of two have no rounding: exactly ceil(top_p * size) remain."""
    kept = _narrowed(np.ones((3, size), dtype=np.float32), Sampling(1.0, top_p=top_p))
    for row in range(3):
        tokens = kept.tokens[kept.rows == row].tolist()
        assert len(set(tokens)) == len(tokens) == int(np.ceil(top_p * size))


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(),
        Sampling(0.7),
        Sampling(1.0, min_p=0.01),
        Sampling(1.0, top_p=0.95),
        Sampling(1.0, top_k=64, top_p=0.95),
        Sampling(2.0, top_k=5),
    ],
    ids=str,
)
@pytest.mark.parametrize("size", [10, 300, 50_257])
def test_rows_are_drawn_as_if_alone(sampling: Sampling, size: int) -> None:
    logits = np.random.default_rng(0).normal(0, 3, (7, size)).astype(np.float32)
    logits[2, 1:] = -np.inf
    together = sample_rows(logits, sampling, [np.random.default_rng(n) for n in range(7)])
    alone = [sample(row, sampling, np.random.default_rng(n)) for n, row in enumerate(logits)]
    assert together == alone
    assert together[2] == 0


@pytest.mark.parametrize("k", [1, 3, 64, 400])
@pytest.mark.parametrize("size", [400, 4096, 50_257])
def test_top_k_is_exact(k: int, size: int) -> None:
    weights = np.random.default_rng(k).random((2, size), dtype=np.float32)
    weights[1, ::2] = 0.5
    kept = _narrowed(weights, Sampling(1.0, top_k=k))
    for row in range(2):
        tokens = kept.tokens[kept.rows == row]
        assert len(tokens) == min(k, size)
        assert np.array_equal(np.sort(weights[row, tokens]), np.sort(weights[row])[-k:])


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(),
        Sampling(1e-300),
        Sampling(100.0),
        Sampling(1.0, top_k=40, top_p=0.9, min_p=0.1),
        Sampling(1.0, top_p=0.9),
    ],
    ids=str,
)
def test_all_but_one_masked(sampling: Sampling) -> None:
    logits = np.full(300, -np.inf, dtype=np.float32)
    logits[17] = -1e30
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rng = np.random.default_rng(0)
        assert {sample(logits, sampling, rng) for _ in range(20)} == {17}
        assert log_probability(logits, 17) == 0.0
        assert log_probability(logits, 16) == -np.inf


def test_a_temperature_close_to_zero_is_greedy() -> None:
    logits = np.random.default_rng(0).normal(0, 2, 300).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rng = np.random.default_rng(0)
        assert sample(logits, Sampling(1e-308), rng) == sample(logits, Sampling(), rng)


def test_sampling_leaves_the_logits_alone() -> None:
    logits = np.random.default_rng(0).normal(0, 2, 300).astype(np.float32)
    before = logits.copy()
    sample(logits, Sampling(1.0, 40, 0.9, 0.1), np.random.default_rng(0))
    log_probability(logits, 3)
    assert np.array_equal(logits, before)


def test_log_probability() -> None:
    logits = np.random.default_rng(0).normal(0, 5, 1000).astype(np.float32)
    expected = np.log(softmax(logits.astype(np.float64)))
    found = [log_probability(logits, token) for token in range(0, 1000, 50)]
    assert found == pytest.approx(expected[::50].tolist(), rel=1e-9)


@pytest.mark.parametrize(
    "values",
    [
        {"temperature": -0.1},
        {"temperature": float("nan")},
        {"temperature": float("inf")},
        {"top_k": -1},
        {"top_p": 0.0},
        {"top_p": 1.1},
        {"top_p": float("nan")},
        {"min_p": -0.1},
        {"min_p": 1.1},
        {"min_p": float("nan")},
    ],
)
def test_values_out_of_range(values: dict[str, float]) -> None:
    with pytest.raises(RequestError, match=next(iter(values))):
        Sampling(**values)  # type: ignore[arg-type]
