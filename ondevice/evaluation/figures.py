"""What stored samples come to: pass@k with intervals, costs, and how programs failed."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ondevice.evaluation.estimate import estimate, pass_at_k
from ondevice.evaluation.samples import Sample

PASSK_SCHEMA = "ondevice-passk/1"
KS = (1, 5, 10, 20, 50, 100, 200)
_COSTS = ("tokens", "edits", "rejected_edits", "seconds", "judge_seconds")


def by_problem(samples: Sequence[Sample]) -> dict[str, list[Sample]]:
    """Return the samples of each problem, in the order of ids and numbers."""
    groups: dict[str, list[Sample]] = {}
    for sample in sorted(samples, key=lambda one: (one.id, one.number)):
        groups.setdefault(sample.id, []).append(sample)
    return groups


def count_by_problem(samples: Sequence[Sample]) -> list[dict[str, Any]]:
    """Return how many samples of each problem passed, as a document lists it."""
    return [
        {"id": id, "samples": len(group), "passed": sum(one.passed for one in group)}
        for id, group in by_problem(samples).items()
    ]


def pass_rates(
    groups: Sequence[Sequence[Sample]],
    k: int,
    passed: Callable[[Sample], bool] = lambda sample: sample.passed,
) -> dict[str, float]:
    """Return pass@k as ``value``, ``low`` and ``high``; raises ``ValueError`` for too few samples.

    ``passed`` tells which samples count.
    """
    rates = [pass_at_k(len(group), sum(map(passed, group)), k) for group in groups]
    return _rounded(estimate(rates))


def summarize(
    samples: Sequence[Sample],
    *,
    stop_early: int | None = None,
    stages: Sequence[str] = (),
    parts: Mapping[str, frozenset[str]] | None = None,
    ks: Sequence[int] = KS,
) -> dict[str, Any]:
    """Return the figures of a measurement, as the module ``passk`` documents them.

    ``stop_early`` is the number of samples a problem where drawing ended with the first that
    passes: then only pass@k for that k is given, which is whether any passed. ``stages`` are names
    of the first tests, and ``parts`` by name the ids of some problems, which give figures of their
    own. Shares are between 0 and 1.
    """
    groups = list(by_problem(samples).values())
    fewest = min(map(len, groups))
    figures: dict[str, Any] = {"problems": len(groups), "samples": len(samples)}
    if stop_early:
        solved = [float(any(sample.passed for sample in group)) for group in groups]
        figures["pass@k"] = {str(stop_early): _rounded(estimate(solved))}
    else:
        wanted = sorted({k for k in ks if k <= fewest} | {fewest})
        figures["pass@k"] = {str(k): pass_rates(groups, k) for k in wanted}
        for number, stage in enumerate(stages):
            beyond = functools.partial(_is_beyond, stage=number)
            figures[f"{stage} pass@k"] = {str(k): pass_rates(groups, k, beyond) for k in wanted}
        for part, ids in (parts or {}).items():
            if chosen := [group for group in groups if group[0].id in ids]:
                figures[f"{part} pass@k"] = {str(k): pass_rates(chosen, k) for k in wanted}
    figures["mean"] = {
        name: round(sum(getattr(one, name) for one in samples) / len(samples), 6) for name in _COSTS
    }
    passed = sum(sample.passed for sample in samples)
    for name in ("tokens", "seconds"):
        total = sum(getattr(one, name) for one in samples)
        figures[f"{name} a passing program"] = round(total / passed, 6) if passed else None
    for name in ("status", "finish_reason"):
        figures[name] = dict(Counter(getattr(one, name) for one in samples).most_common())
    return figures


def _is_beyond(sample: Sample, stage: int) -> bool:
    return sample.passed or (sample.tests_passed or 0) > stage


def _rounded(found: Any) -> dict[str, float]:
    return {name: round(value, 6) for name, value in asdict(found).items()}
