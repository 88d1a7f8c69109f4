"""What is measured of the bundled model, and that it is measured of the right thing."""

from __future__ import annotations

import dataclasses
import json
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ondevice
from ondevice.backends.base import Logits
from ondevice.decoding.lease import CHUNK
from ondevice.errors import CheckError, ModelNotFoundError, RequestError
from ondevice.evaluation.latency import (
    LatencyPlan,
    Variant,
    differences,
    find_variants,
    measure,
)
from ondevice.evaluation.latency.bare import Costs, percentiles, run_bare, summarize_bare
from ondevice.evaluation.latency.fresh import run_fresh
from ondevice.evaluation.onnx_product import integer_product
from ondevice.evaluation.roofline import Roofline, measure_roofline

SMALL = LatencyPlan(
    prompt=16, generate=4, depths=(0, 8), repetitions=2, widths=(1, 3), max_tokens=60
)


class Slow:
    """A backend that takes a millisecond a call, and remembers what it was asked."""

    vocab_size, context_length = 50, 64

    def __init__(self) -> None:
        self.held = 0
        self.calls: list[tuple[int, int]] = []

    def evaluate(self, batch: Sequence[tuple[int, Sequence[int]]]) -> Logits:
        ((_, tokens),) = batch
        assert all(0 <= token < self.vocab_size for token in tokens)
        assert self.held + len(tokens) <= self.context_length
        self.calls.append((self.held, len(tokens)))
        self.held += len(tokens)
        time.sleep(0.001)
        return np.zeros((1, self.vocab_size), np.float32)

    def truncate(self, sequence: int, length: int) -> None:
        self.held = length


def bare(plan: LatencyPlan) -> tuple[Slow, list[dict[str, Any]]]:
    backend = Slow()
    limits = Roofline(1, 1e9, 1e12, 1e12)
    costs = Costs(10**6, cache_per_token=10**4, parameters=10**6, quantized=True)
    rounds = [
        list(run_bare(backend, plan))  # type: ignore[arg-type]
        for _ in range(plan.repetitions)
    ]
    return backend, summarize_bare(rounds, limits, costs)


def test_tests_are_those_of_llama_bench() -> None:
    backend, found = bare(SMALL)
    assert [test["name"] for test in found] == ["pp16", "tg4", "tg4 @ d8"]
    warm = [(0, 16), *((held, 1) for held in range(8))]
    decode = [(held, 1) for held in range(4)]
    deep = [(0, 8), *((held, 1) for held in range(8, 12))]
    assert backend.calls == [*warm, (0, 16), *decode, *deep] * 2


def test_figures_are_those_of_the_repetitions() -> None:
    _, found = bare(SMALL)
    for test in found:
        assert len(test["tokens_per_second"]) == SMALL.repetitions
        assert test["mean"] == pytest.approx(statistics.fmean(test["tokens_per_second"]), rel=1e-4)
    # A millisecond a call at least: a thousand tokens a second, the thousandth of the limit.
    assert found[1]["mean"] <= 1000
    assert found[1]["milliseconds"]["p50"] >= 1
    # The tokens before it are read, too: of the four, 1.5 on average, and 8 more at that depth.
    assert found[1]["of_limit"] == pytest.approx(found[1]["mean"] * 1.015 / 1000)
    assert found[2]["of_limit"] == pytest.approx(found[2]["mean"] * 1.095 / 1000)


def test_what_does_not_fit_is_named_by_what_it_is() -> None:
    _, found = bare(LatencyPlan(prompt=512, generate=128, depths=(0, 60, 512), repetitions=1))
    assert [test["name"] for test in found] == ["pp64", "tg64", "tg4 @ d60", "tg1 @ d63"]


@pytest.mark.parametrize(
    "settings", [{"prompt": 0}, {"repetitions": 0}, {"depths": (-1,)}, {"widths": (0,)}]
)
def test_a_plan_that_measures_nothing(settings: dict[str, Any]) -> None:
    with pytest.raises(RequestError):
        LatencyPlan(**settings)


def test_percentiles_are_milliseconds() -> None:
    found = percentiles([0.001] * 99 + [1.0])
    assert found["p50"] == 1.0
    assert found["p99"] > 1.0


def test_the_bundled_model_is_measured_whole() -> None:
    steps: list[tuple[str, int, int]] = []
    found = measure(backend="onnx", plan=SMALL, on_progress=lambda *step: steps.append(step))
    json.dumps(found)
    assert found["schema"] == "ondevice-latency/2"
    (variant,) = found["variants"]
    assert variant["label"] == "onnx int8"
    assert variant["parameters"] > 10**6
    assert variant["fresh"]["load_seconds"] > 0
    assert [test["name"] for test in variant["bare"]] == ["pp16", "tg4", "tg4 @ d8"]
    for kind in ("cold", "warm"):
        request = variant["requests"][kind]
        assert len(request["first_token"]["each"]) == SMALL.repetitions
        assert len(request["tokens_per_second"]) == SMALL.repetitions
        assert 0 < request["first_token"]["median"] < request["first_hunk"]["median"]
        assert 0 < request["token"]["p50"] <= request["token"]["p95"] <= request["token"]["p99"]
    assert [one["samples"] for one in variant["widths"]] == [1, 3]
    assert all(len(one["per_minute"]) == 1 and one["mean"] > 0 for one in variant["widths"])
    assert [(part, whole) for _, part, whole in steps] == [(0, 2), (1, 2)]
    assert len(found["conditions"]) == SMALL.repetitions
    assert len(variant["limits"]["rounds"]) == SMALL.repetitions
    stored = json.loads(json.dumps(found))
    assert differences(stored, None, "onnx", SMALL) == []
    (said,) = differences(stored, None, "onnx", dataclasses.replace(SMALL, prompt=17))
    assert said == "prompt 16, not 17"
    stored["machine"]["processor"] = "another"
    stored["variants"][0]["sha256"] = "0"
    told = " ".join(differences(stored, None, "onnx", SMALL))
    assert "another file of onnx int8" in told
    assert "processor 'another'" in told


def test_variants_are_the_files_that_can_be_run() -> None:
    name, found = find_variants(None, "onnx", (None, 2))
    assert name == "tiny"
    assert [one.label for one in found] == ["onnx int8", "onnx int8, 2 threads"]
    with pytest.raises(ModelNotFoundError):
        find_variants("no-such-model", None, (None,))


def test_a_process_that_fails_is_an_error(tmp_path: Path) -> None:
    missing = Variant(tmp_path / "missing.onnx", "onnx", "int8", None)
    with pytest.raises(CheckError, match=r"a process that loads .*missing\.onnx failed"):
        run_fresh(missing, SMALL)


def test_limits_are_measured_and_bound_a_token() -> None:
    found = measure_roofline(1 << 20, threads=1, seconds=0.02)
    assert found.bytes_per_second > 1e8
    assert found.multiplies_per_second > 1e8
    assert found.int8_multiplies_per_second > 1e8
    bound = Roofline(1, 1e9, 1e10, 4e10)
    assert bound.tokens_per_second(10**7, 10**6, quantized=True) == 100
    assert bound.tokens_per_second(10**6, 10**8, quantized=False) == 100
    assert bound.tokens_per_second(10**6, 10**8, quantized=True) == 400
    best = Roofline.best([bound, Roofline(1, 2e9, 1e9, 5e10)])
    assert best == Roofline(1, 2e9, 1e10, 5e10)


def test_a_product_of_integers_is_one_without_the_package_onnx() -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(integer_product(8))
    left = np.random.default_rng(1).integers(0, 255, (8, 8), np.uint8)
    right = np.random.default_rng(0).integers(-127, 127, (8, 8), np.int8)
    (found,) = session.run(None, {"a": left})
    assert (found == left.astype(int) @ right.astype(int)).all()


@pytest.mark.parametrize(
    ("name", "quantized"),
    [("q8_0", True), ("int8", True), ("q4_k_m", True), ("fp32", False), ("bf16", False)],
)
def test_integers_are_told_from_floats_by_their_name(name: str, quantized: bool) -> None:
    assert Variant(Path("a"), "onnx", name, None).is_quantized is quantized


def test_most_requests_are_long_enough_for_a_prefix_to_be_used_again() -> None:
    with ondevice.load(backend="onnx") as model:
        lengths = [len(model._backend.tokenize(text)) for text in SMALL.requests]
    assert sum(length > CHUNK for length in lengths) >= 2


def test_measuring_leaves_requests_as_they_are() -> None:
    with ondevice.load(backend="onnx") as model:
        alone = model.generate(SMALL.requests[0], max_tokens=60).text
        from ondevice.evaluation.latency.whole import run_requests

        run_requests(model, SMALL)
        assert model.generate(SMALL.requests[0], max_tokens=60).text == alone
