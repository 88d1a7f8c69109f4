"""What two measurements differ in, beyond the noise.

Speeds are compared as ``noise`` has it: by what one run shows of the machine's drift, or by runs
where there are several. Where there is one run on each side and the machine is the same, the limits
that were measured beside the model (``roofline``) tell whether the machine itself has become faster
or slower meanwhile: a difference has to stand with that taken off, too. Shares of problems are
compared problem by problem, over those that both sides have, by a permutation test that turns the
signs of their differences. All figures are held together to a level of 5%, by Holm's procedure, and
a difference of speed must be 2% at least.
"""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ondevice.evaluation.estimate import pass_at_k
from ondevice.evaluation.report.document import label
from ondevice.evaluation.report.noise import Contrast, Runs, contrasts, holm, quantile

LEVEL = 0.05
SMALLEST = 0.02
_FLIPS = 20_000
_FEWEST = 6
"""Problems that have to differ, all in one direction, for a permutation test at 5%."""

Documents = Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure that both sides have.

    ``p`` is adjusted for the number of figures, ``least`` the smallest difference that would have
    been found: as a share of the first figure, or of 1 where ``is_share``; infinite where nothing
    can be told. ``grows`` says whether more is better.
    """

    name: str
    first: float
    second: float
    p: float
    least: float
    grows: bool = True
    is_share: bool = False

    @property
    def ratio(self) -> float:
        """The second figure over the first."""
        return self.second / self.first if self.first else math.inf

    @property
    def counts(self) -> bool:
        """Whether the difference is beyond the noise."""
        large = self.is_share or abs(self.second - self.first) >= SMALLEST * self.first
        return large and self.p < LEVEL

    @property
    def better(self) -> bool | None:
        """Whether the second is the better one; None where the difference does not count."""
        return (self.second > self.first) is self.grows if self.counts else None


def compare(first: Documents, second: Documents) -> list[Difference]:
    """Return every figure that both sides have, by name; a side is one run or several."""
    found = [*_speeds(first, second), *_shares(first, second)]
    adjusted = holm([one.p for one in found])
    return [dataclasses.replace(one, p=p) for one, p in zip(found, adjusted, strict=True)]


def _speeds(first: Documents, second: Documents) -> Iterator[Difference]:
    before, after = (_figures(side) for side in (first, second))
    names = sorted(before.keys() & after.keys())
    if not names:
        return
    sides = [[side[name] for name in names] for side in (before, after)]
    machine = _shift(first, second)
    level = LEVEL / len(names)
    for name, one, other, found in zip(names, *sides, contrasts(*sides), strict=True):
        grows = not name.endswith(" ms")
        # A machine that is faster shortens times.
        rest = found.difference - (machine if grows else -machine)
        p = max(found.p, dataclasses.replace(found, difference=rest).p)
        yield Difference(name, _mean(one), _mean(other), p, _least(found, level), grows)


def _least(found: Contrast, level: float) -> float:
    least = found.least(level)
    return math.expm1(least) if least < 100 else math.inf


def _mean(runs: Runs) -> float:
    return statistics.fmean(statistics.fmean(run) for run in runs)


def _figures(documents: Documents) -> dict[str, Runs]:
    """Return the repetitions of each figure that all the runs have."""
    found = [
        {name: values for name, values in _repetitions(document) if min(values) > 0}
        for document in documents
    ]
    names = set.intersection(*(set(one) for one in found))
    return {name: [one[name] for one in found] for name in names}


def _variants(document: dict[str, Any]) -> list[dict[str, Any]]:
    return list((document["latency"] or {"variants": []})["variants"])


def _repetitions(document: dict[str, Any]) -> Iterator[tuple[str, list[float]]]:
    for variant in _variants(document):
        name = variant["label"]
        for test in variant["bare"]:
            yield f"{name}, {test['name']}, tokens/s", test["tokens_per_second"]
        for kind, found in variant["requests"].items():
            yield f"{name}, requests ({kind}), tokens/s", found["tokens_per_second"]
            if found["first_token"]:
                yield f"{name}, first token ({kind}), ms", found["first_token"]["each"]
        if variant["widths"]:
            # One figure for all widths: their geometric mean in each round.
            rounds = zip(*(one["per_minute"] for one in variant["widths"]), strict=True)
            yield f"{name}, samples/min", [statistics.geometric_mean(one) for one in rounds]


def _shift(first: Documents, second: Documents) -> float:
    """Return the logarithm of how much faster the same machine has become; 0 where that is not
    known, or not needed."""
    if len(first) > 1 or len(second) > 1 or not _same_machine(first[0], second[0]):
        return 0.0
    limits = [
        {variant["label"]: variant["limits"]["rounds"] for variant in _variants(document)}
        for document in (first[0], second[0])
    ]
    changes = [
        _level(limits[1][name], rate) - _level(limits[0][name], rate)
        for name in limits[0].keys() & limits[1].keys()
        for rate in limits[0][name][0]
        if all(one[rate] > 0 for side in limits for one in side[name])
    ]
    return statistics.fmean(changes) if changes else 0.0


def _same_machine(first: dict[str, Any], second: dict[str, Any]) -> bool:
    machines = [document["machine"] or {} for document in (first, second)]
    return all(machines[0].get(name) == machines[1].get(name) for name in ("processor", "cores"))


def _level(rounds: list[dict[str, float]], rate: str) -> float:
    return statistics.fmean(math.log(one[rate]) for one in rounds)


def _shares(first: Documents, second: Documents) -> Iterator[Difference]:
    before, after = _problems(first), _problems(second)
    for key in sorted(before.keys() & after.keys()):
        common = sorted(before[key].keys() & after[key].keys())
        if not common:
            continue
        k = min(_largest_k(before[key], common), _largest_k(after[key], common))
        for wanted in sorted({1, k}):
            rates = [
                np.array([pass_at_k(*problems[name], wanted) for name in common])
                for problems in (before[key], after[key])
            ]
            means = float(rates[0].mean()), float(rates[1].mean())
            p, least = _flipped(rates[1] - rates[0])
            yield Difference(f"{key}, pass@{wanted}", *means, p, least, is_share=True)


def _problems(documents: Documents) -> dict[str, dict[str, tuple[int, int]]]:
    """Return samples and passes of each problem of each measurement, those of all runs together."""
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for measured in _each_passk(documents):
        problems = found.setdefault(label(measured), {})
        for row in measured["problems"]:
            samples, passed = problems.get(row["id"], (0, 0))
            problems[row["id"]] = samples + row["samples"], passed + row["passed"]
    return found


def _each_passk(documents: Documents) -> Iterable[dict[str, Any]]:
    return (one for document in documents for one in document["passk"])


def _largest_k(problems: dict[str, tuple[int, int]], names: list[str]) -> int:
    return min(problems[name][0] for name in names)


def _flipped(differences: NDArray[np.float64]) -> tuple[float, float]:
    """Return the p-value of a permutation test over the signs, and the least mean that is found."""
    count = len(differences)
    if count < 2:
        return 1.0, math.inf
    rng = np.random.default_rng(0)
    moved = differences[differences != 0]
    signs = rng.integers(0, 2, (_FLIPS, len(moved)), np.int8) * 2 - 1
    reached = np.abs(signs @ moved) >= abs(moved.sum()) - 1e-12
    p = (1 + int(reached.sum())) / (_FLIPS + 1)
    error = float(np.sqrt((differences**2).sum())) / count
    return p, max(error * quantile(LEVEL, count - 1), _FEWEST / count)
