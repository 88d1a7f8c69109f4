"""Charts as SVG that stands in a page: colors are the page's, and text can be read and found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from ondevice.evaluation.report.axes import Axis, number

WIDTH, HEIGHT = 640, 368
_LEFT, _RIGHT, _TOP, _BOTTOM = 92, 16, 48, 72
_LETTER = 13
"""Width of a figure in the largest type that the page sets a chart in, on a phone."""
_MARKS = 12
"""Points up to which each is marked, with its values as a tooltip."""


@dataclass(frozen=True, slots=True)
class Series:
    """A line of a chart: its name, points (x, y), and deviations of y, shown as bars."""

    name: str
    points: Sequence[tuple[float, float]]
    deviations: Sequence[float] = ()


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
    ys = [high for one in series for _, high in _bars(one)]
    across = Axis(min(xs), max(xs), _LEFT, WIDTH - _RIGHT, logarithmic)
    up = Axis(0, 1 if percent else max(ys) * 1.05 or 1, HEIGHT - _BOTTOM, _TOP)
    show: Callable[[float], str] = (lambda value: f"{value:.0%}") if percent else number
    body = [*_grid(across, up, show), *_labels(x, y)]
    for place, one in enumerate(series):
        path = " ".join(f"{across.at(a):.1f},{up.at(b):.1f}" for a, b in one.points)
        body.append(f'<polyline class="line c{place % 6}" points="{path}"/>')
        for (a, _), (low, high) in zip(one.points, _bars(one), strict=True):
            if high > low:
                place_x = f"{across.at(a):.1f}"
                body.append(
                    f'<line class="line bar c{place % 6}" x1="{place_x}" x2="{place_x}" '
                    f'y1="{up.at(low):.1f}" y2="{up.at(high):.1f}"/>'
                )
        if len(one.points) <= _MARKS:
            for a, b in one.points:
                tip = escape(f"{one.name}: {number(a)}, {show(b)}")
                body.append(
                    f'<circle class="dot c{place % 6}" cx="{across.at(a):.1f}" '
                    f'cy="{up.at(b):.1f}" r="4"><title>{tip}</title></circle>'
                )
    return _figure(title, body, series, x, y, show)


def _bars(series: Series) -> list[tuple[float, float]]:
    """Return the ends of each point's bar; both are the point's where there is none."""
    deviations = series.deviations or [0.0] * len(series.points)
    return [
        (max(0.0, y - deviation), y + deviation)
        for (_, y), deviation in zip(series.points, deviations, strict=True)
    ]


def _grid(across: Axis, up: Axis, show: Callable[[float], str]) -> list[str]:
    lines = []
    for value in up.ticks():
        y = up.at(value)
        lines.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>')
        lines.append(f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{show(value)}</text>')
    for value, text in across.labels(_LETTER):
        place, half = across.at(value), _LETTER * len(text) / 2
        anchor = "end" if place + half > WIDTH else "middle"
        lines.append(
            f'<text x="{min(place, WIDTH - 1):.1f}" y="{HEIGHT - _BOTTOM + 32}" '
            f'text-anchor="{anchor}">{text}</text>'
        )
    return lines


def _labels(x: str, y: str) -> list[str]:
    # What is written along the axis is in the way of its numbers on a phone: it stands above.
    return [
        f'<text x="{(_LEFT + WIDTH - _RIGHT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">'
        f"{escape(x)}</text>",
        f'<text x="0" y="22">{escape(y)}</text>',
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
