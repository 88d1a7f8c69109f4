"""Charts as SVG that stands in a page: colors are the page's, and text can be read and found."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 640, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 72, 16, 16, 56
_MARKS = 12
"""Points up to which each is marked, with its values as a tooltip."""


@dataclass(frozen=True, slots=True)
class Series:
    """A line of a chart: its name, and points (x, y)."""

    name: str
    points: Sequence[tuple[float, float]]


def line_chart(
    title: str,
    series: Sequence[Series],
    *,
    x: str,
    y: str,
    logarithmic: bool = False,
    percent: bool = False,
) -> str:
    """Return a chart with its legend and, folded, its numbers as a table.

    ``logarithmic`` is the x axis, ``percent`` how shares on the y axis are written. Series without
    points are left out; without any, nothing is returned.
    """
    series = [one for one in series if one.points]
    if not series:
        return ""
    xs = [point[0] for one in series for point in one.points]
    ys = [point[1] for one in series for point in one.points]
    across = _Axis(min(xs), max(xs), _LEFT, WIDTH - _RIGHT, logarithmic)
    up = _Axis(0, 1 if percent else max(ys) * 1.05 or 1, HEIGHT - _BOTTOM, _TOP)
    show: Callable[[float], str] = (lambda value: f"{value:.0%}") if percent else number
    body = [*_grid(across, up, show), *_labels(x, y)]
    for place, one in enumerate(series):
        path = " ".join(f"{across.at(a):.1f},{up.at(b):.1f}" for a, b in one.points)
        body.append(f'<polyline class="line c{place % 6}" points="{path}"/>')
        if len(one.points) <= _MARKS:
            for a, b in one.points:
                tip = escape(f"{one.name}: {number(a)}, {show(b)}")
                body.append(
                    f'<circle class="dot c{place % 6}" cx="{across.at(a):.1f}" '
                    f'cy="{up.at(b):.1f}" r="4"><title>{tip}</title></circle>'
                )
    return _figure(title, body, series, x, y, show)


def number(value: float) -> str:
    """Return a number in three digits or so."""
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


class _Axis:
    def __init__(
        self, low: float, high: float, start: float, stop: float, logarithmic: bool = False
    ) -> None:
        if high == low:
            low, high = (low / 2, high * 2) if logarithmic else (low - 0.5, high + 0.5)
        self.low, self.high, self.start, self.stop = low, high, start, stop
        self.logarithmic = logarithmic and low > 0

    def at(self, value: float) -> float:
        low, high = self.low, self.high
        if self.logarithmic:
            low, high, value = math.log(low), math.log(high), math.log(value)
        return self.start + (value - low) / (high - low) * (self.stop - self.start)

    def ticks(self) -> list[float]:
        if self.logarithmic:
            return self._powers()
        step = 10 ** math.floor(math.log10((self.high - self.low) / 4))
        step *= next(f for f in (1, 2, 5, 10) if (self.high - self.low) / (step * f) <= 5)
        first = math.ceil(self.low / step - 1e-9)
        return [step * n for n in range(first, math.floor(self.high / step + 1e-9) + 1)]

    def _powers(self) -> list[float]:
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        few = len(decades) <= 3
        found = [f * 10.0**d for d in decades for f in ((1, 2, 5) if few else (1,))]
        return [one for one in found if self.low * 0.999 <= one <= self.high * 1.001]


def _grid(across: _Axis, up: _Axis, show: Callable[[float], str]) -> list[str]:
    lines = []
    for value in up.ticks():
        y = up.at(value)
        lines.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>')
        lines.append(f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{show(value)}</text>')
    for value in across.ticks():
        place = across.at(value)
        anchor = "end" if place > WIDTH - _RIGHT - 20 else "middle"
        lines.append(
            f'<text x="{place:.1f}" y="{HEIGHT - _BOTTOM + 22}" text-anchor="{anchor}">'
            f"{number(value)}</text>"
        )
    return lines


def _labels(x: str, y: str) -> list[str]:
    middle = (_TOP + HEIGHT - _BOTTOM) / 2
    return [
        f'<text x="{(_LEFT + WIDTH - _RIGHT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">'
        f"{escape(x)}</text>",
        f'<text transform="translate(18 {middle}) rotate(-90)" text-anchor="middle">'
        f"{escape(y)}</text>",
    ]


def _figure(
    title: str,
    body: list[str],
    series: Sequence[Series],
    x: str,
    y: str,
    show: Callable[[float], str],
) -> str:
    legend = "".join(
        f'<li><span class="key c{place % 6}"></span>{escape(one.name)}</li>'
        for place, one in enumerate(series)
    )
    rows = "".join(
        f"<tr><td>{escape(one.name)}</td><td>{number(a)}</td><td>{show(b)}</td></tr>"
        for one in series
        for a, b in one.points
    )
    return (
        f"<figure><figcaption>{escape(title)}</figcaption>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
        f'{"".join(body)}</svg><ul class="legend">{legend}</ul>'
        f'<details><summary>the numbers</summary><div class="wide"><table><thead><tr><th></th>'
        f"<th>{escape(x)}</th><th>{escape(y)}</th></tr></thead><tbody>{rows}</tbody></table></div>"
        "</details></figure>"
    )
