"""pass@k: how often one of k programs passes, estimated from n samples a problem."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ondevice.evaluation.everyday import Problem

if TYPE_CHECKING:
    from ondevice.model import Model


@dataclass(frozen=True, slots=True)
class Sample:
    """One program written for one problem, with its verdict and what it cost."""

    id: str
    seed: int
    passed: bool
    reason: str
    finish_reason: str
    program: str
    tokens: int
    edits: int
    rejected_edits: int
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return the sample as a JSON object."""
        return asdict(self)


def pass_at_k(samples: int, passed: int, k: int) -> float:
    """Return the unbiased estimate of pass@k for one problem: 1 - C(n-c, k) / C(n, k).

    Source: arXiv 2107.03374, equation 1. Raises ``ValueError`` when there are fewer than k samples.
    """
    if k > samples:
        raise ValueError(f"pass@{k} needs at least {k} samples a problem, not {samples}")
    return 1.0 - math.comb(samples - passed, k) / math.comb(samples, k)


def interval(rates: Sequence[float]) -> tuple[float, float]:
    """Return the mean of per-problem rates and the half-width of its 95% normal interval."""
    mean = sum(rates) / len(rates)
    variance = sum((rate - mean) ** 2 for rate in rates) / max(1, len(rates) - 1)
    return mean, 1.96 * math.sqrt(variance / len(rates))


def write_samples(
    model: Model, problems: Iterable[Problem], samples: int, **parameters: Any
) -> Iterator[Sample]:
    """Write and judge ``samples`` programs a problem, with the seeds 0, 1, 2 and so on.

    ``parameters`` go to ``Model.generate``.
    """
    for problem in problems:
        for seed in range(samples):
            result = model.generate(problem.instruction, seed=seed, **parameters)
            verdict = problem.judge(result.text)
            yield Sample(
                problem.id,
                seed,
                verdict.passed,
                verdict.reason,
                result.finish_reason,
                result.text,
                result.stats.tokens,
                result.stats.edits,
                result.stats.rejected_edits,
                round(result.stats.seconds, 4),
            )


def summarize(samples: Sequence[Sample], ks: Sequence[int]) -> dict[str, Any]:
    """Return pass@k with 95% intervals over the problems, and mean costs a program."""
    problems: dict[str, list[Sample]] = {}
    for sample in samples:
        problems.setdefault(sample.id, []).append(sample)
    figures: dict[str, Any] = {"problems": len(problems), "samples": len(samples)}
    for k in ks:
        rates = [
            pass_at_k(len(group), sum(sample.passed for sample in group), k)
            for group in problems.values()
        ]
        mean, half = interval(rates)
        figures[f"pass@{k}"] = round(100 * mean, 1)
        figures[f"pass@{k} ±"] = round(100 * half, 1)
    for name in ("tokens", "edits", "rejected_edits", "seconds"):
        total = sum(getattr(sample, name) for sample in samples)
        figures[f"{name} a program"] = round(total / len(samples), 3)
    complete = sum(sample.finish_reason == "complete" for sample in samples)
    figures["complete"] = round(100 * complete / len(samples), 1)
    return figures
