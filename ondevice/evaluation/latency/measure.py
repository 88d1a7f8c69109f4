"""All of a model's variants, one after the other, with the conditions that they ran under.

The document (schema ``ondevice-latency/1``): ``schema``, ``machine``, ``model``, ``plan``,
``conditions`` (``before``, ``after``), ``warnings``, and ``variants``, each with ``label``,
``file``, ``backend``, ``quantization``, ``threads``, ``bytes``, ``parameters`` (null where not
known), ``fresh`` (see ``fresh``), ``limits`` (``bytes_per_second``, ``multiplies_per_second``),
``bare`` (a list of tests, see ``bare``), ``requests`` (see ``whole``) and ``widths``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import ondevice
from ondevice.backends import open_backend
from ondevice.backends.machine import default_threads
from ondevice.catalogue import resolve
from ondevice.evaluation.conditions import read_conditions, warnings
from ondevice.evaluation.latency.bare import measure_bare
from ondevice.evaluation.latency.fresh import measure_fresh
from ondevice.evaluation.latency.plan import LatencyPlan, Variant, find_variants
from ondevice.evaluation.latency.whole import measure_requests, measure_widths
from ondevice.evaluation.machine import describe_machine
from ondevice.evaluation.roofline import measure_roofline

LATENCY_SCHEMA = "ondevice-latency/1"
UNSTEADY = 0.1
"""Deviation of a test, as a share of its mean, above which it is warned of."""
STEPS = 4
"""Steps of each variant that ``on_progress`` is told of."""

Progress = Callable[[str, int, int], None]


def measure(
    model: str | None = None,
    backend: str | None = None,
    plan: LatencyPlan | None = None,
    on_progress: Progress = lambda _step, _done, _total: None,
) -> dict[str, Any]:
    """Measure every variant of a model that runs here, and return the document.

    ``on_progress`` is told what begins, how many steps are done, and how many there are. Raises
    what ``find_variants``, ``load`` and the measurements raise.
    """
    plan = plan or LatencyPlan()
    name, variants = find_variants(model, backend, plan.threads)
    manifest = resolve(model).manifest
    parameters = manifest.parameters if manifest else None
    before, found = read_conditions(), []
    for number, variant in enumerate(variants):

        def tell(step: str, part: int, number: int = number, label: str = variant.label) -> None:
            on_progress(f"{label}: {step}", number * STEPS + part, len(variants) * STEPS)

        found.append(_measured(variant, parameters, plan, tell))
    after = read_conditions()
    return {
        "schema": LATENCY_SCHEMA,
        "machine": describe_machine(),
        "model": name,
        "plan": dataclasses.asdict(plan),
        "conditions": {"before": before, "after": after},
        "warnings": [*warnings(before, after), *_unsteady(found)],
        "variants": found,
    }


def _measured(
    variant: Variant, parameters: int | None, plan: LatencyPlan, tell: Callable[[str, int], None]
) -> dict[str, Any]:
    weights = variant.file.stat().st_size
    threads = variant.threads or default_threads(weights)
    tell("a fresh process", 0)
    fresh = measure_fresh(variant, plan)
    tell("prompts and single tokens", 1)
    roofline = measure_roofline(weights, threads)
    with open_backend(variant.file, max_sequences=1, threads=variant.threads) as backend:
        bare = list(measure_bare(backend, plan, roofline, weights, parameters))
    with ondevice.load(variant.file, backend=variant.backend, threads=variant.threads) as model:
        tell("whole requests", 2)
        requests = measure_requests(model, plan)
        tell("batches of samples", 3)
        widths = list(measure_widths(model, plan))
    return {
        "label": variant.label,
        "file": variant.file.name,
        "backend": variant.backend,
        "quantization": variant.quantization,
        "threads": threads,
        "bytes": weights,
        "parameters": parameters,
        "fresh": fresh,
        "limits": {
            "bytes_per_second": roofline.bytes_per_second,
            "multiplies_per_second": roofline.multiplies_per_second,
        },
        "bare": bare,
        "requests": requests,
        "widths": widths,
    }


def _unsteady(variants: list[dict[str, Any]]) -> list[str]:
    return [
        f"{variant['label']}, {test['name']}: repetitions differ by "
        f"{test['deviation'] / test['mean']:.0%} of their mean"
        for variant in variants
        for test in variant["bare"]
        if test["deviation"] > UNSTEADY * test["mean"]
    ]
