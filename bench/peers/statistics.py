"""Do two samples come from one distribution? Tests that need numpy alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Sample = NDArray[np.float64]

PERMUTATIONS = 10_000


def quantiles(values: list[float]) -> dict[str, float]:
    """Return the mean and the usual quantiles."""
    if not values:
        return {}
    array = np.array(values, dtype=float)
    marks = np.percentile(array, [5, 25, 50, 75, 95])
    return {
        "count": len(values),
        "mean": round(float(array.mean()), 3),
        **{
            name: round(float(mark), 3)
            for name, mark in zip(("5%", "25%", "50%", "75%", "95%"), marks, strict=True)
        },
    }


def compare(first: list[float], second: list[float], seed: int) -> dict[str, float]:
    """Test two samples, whose values belong together pair by pair, for a difference."""
    a, b = np.array(first, dtype=float), np.array(second, dtype=float)
    statistic, p_value = kolmogorov_smirnov(a, b, seed)
    return {
        "difference in means": round(float(a.mean() - b.mean()), 4),
        "p, permutation": round(permutation_of_means(a, b, seed), 4),
        "p, permutation within pairs": round(permutation_of_pairs(a, b, seed), 4),
        "Kolmogorov-Smirnov": round(statistic, 4),
        "p, Kolmogorov-Smirnov": round(p_value, 4),
    }


def permutation_of_means(a: Sample, b: Sample, seed: int, count: int = PERMUTATIONS) -> float:
    """Return how often a random division differs in its means as much as this one."""
    rng = np.random.default_rng(seed)
    pool = np.concatenate([a, b])
    observed = abs(a.mean() - b.mean())
    total, size, rest = pool.sum(), len(a), len(b)
    extreme = 0
    for _ in range(count):
        part = rng.permutation(pool)[:size].sum()
        extreme += abs(part / size - (total - part) / rest) >= observed - 1e-12
    return (extreme + 1) / (count + 1)


def permutation_of_pairs(a: Sample, b: Sample, seed: int, count: int = PERMUTATIONS) -> float:
    """Return how often random signs of the differences give a mean as far from zero."""
    rng = np.random.default_rng(seed)
    differences = a - b
    observed = abs(differences.mean())
    extreme = 0
    for _ in range(count):
        signs = rng.integers(0, 2, len(differences)) * 2 - 1
        extreme += abs((signs * differences).mean()) >= observed - 1e-12
    return (extreme + 1) / (count + 1)


def kolmogorov_smirnov(
    a: Sample, b: Sample, seed: int, count: int = PERMUTATIONS
) -> tuple[float, float]:
    """Return the statistic and its p-value, by scipy where it is installed, else by permutation."""
    try:
        from scipy.stats import ks_2samp
    except ImportError:
        return _permutation_of_distances(a, b, seed, count)
    result = ks_2samp(a, b)
    return float(result.statistic), float(result.pvalue)


def _permutation_of_distances(a: Sample, b: Sample, seed: int, count: int) -> tuple[float, float]:
    # Values are many times the same, so distances are taken between counts of each value.
    rng = np.random.default_rng(seed)
    _, places = np.unique(np.concatenate([a, b]), return_inverse=True)
    values = int(places.max()) + 1
    whole = np.bincount(places, minlength=values)

    def distance(part: NDArray[np.intp]) -> float:
        inside = np.bincount(part, minlength=values)
        gap = np.cumsum(inside) / len(a) - np.cumsum(whole - inside) / len(b)
        return float(np.abs(gap).max())

    observed = distance(places[: len(a)])
    extreme = sum(
        distance(rng.permutation(places)[: len(a)]) >= observed - 1e-12 for _ in range(count)
    )
    return observed, (extreme + 1) / (count + 1)
