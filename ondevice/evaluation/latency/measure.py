"""All of a model's variants, with the conditions that they ran under.

Every measurement is repeated in rounds, and each round measures each variant once, loaded anew: so
the repetitions of one figure are spread over the whole time, and a machine that grows slower, or a
lucky place in memory, shows in their deviation instead of in one figure.

The document (schema ``ondevice-latency/2``): ``schema``, ``machine``, ``model``, ``plan``,
``conditions`` (a reading each round, see ``conditions``), ``warnings``, and ``variants``, each with
``label``, ``file``, ``sha256``, ``backend``, ``quantization``, ``threads``, ``bytes``,
``parameters`` (null where not known), ``cache_bytes_per_token``, ``fresh`` (see ``fresh``),
``limits`` (``bytes_per_second``, ``multiplies_per_second``, ``int8_multiplies_per_second``: the
best of the rounds, and each of them as ``rounds``), ``bare`` (a list of tests, see ``bare``),
``requests`` and ``widths`` (see ``whole``).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import ondevice
from ondevice.backends import open_backend
from ondevice.backends.machine import default_threads
from ondevice.catalogue import resolve
from ondevice.evaluation.conditions import read_busy, read_conditions, warnings
from ondevice.evaluation.latency.bare import Costs, Timed, run_bare, summarize_bare
from ondevice.evaluation.latency.fresh import run_fresh, summarize_fresh
from ondevice.evaluation.latency.plan import LatencyPlan, Variant, find_variants
from ondevice.evaluation.latency.whole import (
    Run,
    Width,
    run_requests,
    run_widths,
    summarize_requests,
    summarize_widths,
)
from ondevice.evaluation.machine import describe_machine, machine_differs
from ondevice.evaluation.roofline import Roofline, measure_roofline
from ondevice.probing import Probes

LATENCY_SCHEMA = "ondevice-latency/2"
UNSTEADY = 0.1
"""Deviation of a test, as a share of its mean, above which it is warned of."""
COSTLY_EVERY = 2
"""Rounds of which one has the measurements that take longest: fresh processes, and batches."""
_PROBE_SECONDS = 0.05

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
    found = [_Measured(variant, plan) for variant in variants]
    conditions = []
    steps = plan.repetitions * len(found)
    for number in range(plan.repetitions):
        busy = read_busy()
        for place, one in enumerate(found):
            step = f"round {number + 1} of {plan.repetitions}, {one.variant.label}"
            on_progress(step, number * len(found) + place, steps)
            one.run(costly=number % COSTLY_EVERY == 0)
        conditions.append(busy | read_conditions())
    summaries = [one.summary(parameters) for one in found]
    return {
        "schema": LATENCY_SCHEMA,
        "machine": describe_machine(),
        "model": name,
        "plan": dataclasses.asdict(plan),
        "conditions": conditions,
        "warnings": [*warnings(conditions), *_unsteady(summaries)],
        "variants": summaries,
    }


def differences(
    document: dict[str, Any], model: str | None, backend: str | None, plan: LatencyPlan
) -> list[str]:
    """Return in what a stored document is of something else than what ``measure`` would measure.

    Raises what ``find_variants`` raises.
    """
    name, variants = find_variants(model, backend, plan.threads)
    wanted = {variant.label: variant.describe() for variant in variants}
    stored = {one["label"]: one for one in document["variants"]}
    found = [] if document["model"] == name else [f"model {document['model']!r}, not {name!r}"]
    if wanted.keys() != stored.keys():
        found.append(f"{', '.join(stored)}, not {', '.join(wanted)}")
    for label in wanted.keys() & stored.keys():
        if any(stored[label].get(key) != value for key, value in wanted[label].items()):
            found.append(f"another file of {label}")
    asked = json.loads(json.dumps(dataclasses.asdict(plan)))
    found += [
        f"{key} {document['plan'].get(key)!r}, not {value!r}"
        for key, value in asked.items()
        if document["plan"].get(key) != value
    ]
    return found + machine_differs(document["machine"], describe_machine())


@dataclass
class _Measured:
    """A variant, and what its rounds have given so far."""

    variant: Variant
    plan: LatencyPlan
    cache_per_token: int = 0
    limits: list[Roofline] = field(default_factory=list)
    fresh: list[dict[str, Any]] = field(default_factory=list)
    bare: list[list[Timed]] = field(default_factory=list)
    requests: list[dict[str, list[Run]]] = field(default_factory=list)
    widths: list[list[Width]] = field(default_factory=list)

    @property
    def threads(self) -> int:
        return self.variant.threads or default_threads(self.variant.bytes)

    def run(self, *, costly: bool) -> None:
        """Measure once; what is ``costly`` only where that is said."""
        variant, plan = self.variant, self.plan
        if costly:
            self.fresh.append(run_fresh(variant, plan))
        self.limits.append(measure_roofline(variant.bytes, self.threads, _PROBE_SECONDS))
        with open_backend(variant.file, max_sequences=1, threads=variant.threads) as backend:
            self.cache_per_token = backend.cache_bytes_per_token
            self.bare.append(list(run_bare(backend, plan)))
        with ondevice.load(variant.file, backend=variant.backend, threads=variant.threads) as model:
            self.requests.append(run_requests(model, plan))
            if costly:
                self.widths.append(run_widths(model, plan))

    def summary(self, parameters: int | None) -> dict[str, Any]:
        """Return the variant's part of the document."""
        variant, best = self.variant, Roofline.best(self.limits)
        # Where the parameters are not known, a byte each is assumed.
        costs = Costs(
            variant.bytes, self.cache_per_token, parameters or variant.bytes, variant.is_quantized
        )
        bare = summarize_bare(self.bare, best, costs)
        decoding = next((test["mean"] for test in bare if test["name"].startswith("tg")), None)
        if decoding:
            Probes(variant.file, variant.backend).keep_speed(decoding)
        return {
            **variant.describe(),
            "threads": self.threads,
            "parameters": parameters,
            "cache_bytes_per_token": self.cache_per_token,
            "fresh": summarize_fresh(self.fresh),
            "limits": {**_rates(best), "rounds": [_rates(one) for one in self.limits]},
            "bare": bare,
            "requests": summarize_requests(self.requests),
            "widths": summarize_widths(self.widths),
        }


def _rates(limits: Roofline) -> dict[str, float]:
    found = dataclasses.asdict(limits)
    return {name: round(found[name]) for name in found if name != "threads"}


def _unsteady(variants: list[dict[str, Any]]) -> list[str]:
    return [
        f"{variant['label']}, {test['name']}: repetitions differ by "
        f"{test['deviation'] / test['mean']:.0%} of their mean"
        for variant in variants
        for test in variant["bare"]
        if test["deviation"] > UNSTEADY * test["mean"]
    ]
