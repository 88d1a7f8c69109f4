"""Axes of charts: where a value lies, and which values are written beside them."""

from __future__ import annotations

import math
from collections.abc import Iterator

_STEPS = (1, 2, 5, 10)


def number(value: float) -> str:
    """Return a number in three digits or so."""
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


class Axis:
    """Maps values between ``low`` and ``high`` to places between ``start`` and ``stop``."""

    def __init__(
        self, low: float, high: float, start: float, stop: float, logarithmic: bool = False
    ) -> None:
        if high == low:
            low, high = (low / 2, high * 2) if logarithmic else (low - 0.5, high + 0.5)
        self.low, self.high, self.start, self.stop = low, high, start, stop
        self.logarithmic = logarithmic and low > 0

    def at(self, value: float) -> float:
        """Return the place of a value."""
        low, high = self.low, self.high
        if self.logarithmic:
            low, high, value = math.log(low), math.log(high), math.log(value)
        return self.start + (value - low) / (high - low) * (self.stop - self.start)

    def ticks(self) -> list[float]:
        """Return two values or more in round steps: of a logarithmic axis powers of ten, or with
        their doubles and fives, or evenly spaced where it is too short for those."""
        if self.logarithmic:
            for factors in ((1,), (1, 2, 5)):
                found = self._powers(factors)
                if len(found) >= 3:
                    return found
        return self._even()

    def labels(self, letter: float) -> list[tuple[float, str]]:
        """Return ticks and their texts, all different, without those that would stand in the way
        of another; ``letter`` is the width of a letter."""
        ticks = self.ticks()
        texts = _distinct(ticks)
        kept: list[tuple[float, str]] = []
        for tick, text in zip(ticks, texts, strict=True):
            if not kept or self._gap(kept[-1], (tick, text), letter) >= letter:
                kept.append((tick, text))
        if len(kept) == 1:
            kept.append((ticks[-1], texts[-1]))
        return kept

    def _gap(self, one: tuple[float, str], other: tuple[float, str], letter: float) -> float:
        room = letter * (len(one[1]) + len(other[1])) / 2
        return abs(self.at(other[0]) - self.at(one[0])) - room

    def _powers(self, factors: tuple[int, ...]) -> list[float]:
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        found = [factor * 10.0**decade for decade in decades for factor in factors]
        return [one for one in found if self.low * 0.999 <= one <= self.high * 1.001]

    def _even(self) -> list[float]:
        step = 10 ** math.floor(math.log10((self.high - self.low) / 4))
        step *= next(f for f in _STEPS if (self.high - self.low) / (step * f) <= 5)
        first = math.ceil(self.low / step - 1e-9)
        return [step * n for n in range(first, math.floor(self.high / step + 1e-9) + 1)]


def _distinct(values: list[float]) -> list[str]:
    """Return values in as few digits as tell them apart."""
    texts = [number(value) for value in values]
    return (
        texts
        if len(set(texts)) == len(texts)
        else next(texts for texts in _longer(values) if len(set(texts)) == len(texts))
    )


def _longer(values: list[float]) -> Iterator[list[str]]:
    return ([f"{value:.{digits}g}" for value in values] for digits in range(4, 18))
