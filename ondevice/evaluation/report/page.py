"""The report as one HTML page: no script, no network, light and dark, wide and narrow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from ondevice.evaluation.report.axes import number
from ondevice.evaluation.report.charts import Series, line_chart
from ondevice.evaluation.report.document import label
from ondevice.evaluation.report.style import STYLE
from ondevice.evaluation.scaling import UNKNOWN


def page(document: dict[str, Any]) -> str:
    """Return the page of a document (schema ``ondevice-bench/1``)."""
    title = f"{document['model']} on {document['machine'].get('processor') or 'this machine'}"
    latency = document["latency"]
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{escape(_machine(document['machine']))}</p>",
        *(_latency(latency) if latency else ()),
        *_passk(document["passk"]),
        *_scaling(document["scaling"]),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        # An icon in the page, so that no browser asks the network for one.
        '<link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _machine(machine: dict[str, Any]) -> str:
    versions = [
        f"{name} {machine[name]}"
        for name in ("ondevice", "onnxruntime", "llama-cpp-python")
        if machine.get(name)
    ]
    return (
        f"{machine.get('date')}, {machine.get('platform')}, {machine.get('cores')} processors, "
        f"Python {machine.get('python')}, {', '.join(versions)}"
    )


def _latency(latency: dict[str, Any]) -> Iterable[str]:
    variants = latency["variants"]
    yield "<h2>Speed</h2>"
    if latency["warnings"]:
        items = "".join(f"<li>{escape(text)}</li>" for text in latency["warnings"])
        yield f'<ul class="warnings">{items}</ul>'
    yield _table(
        ("", "test", "tokens/s", "±", "p50 ms", "p95 ms", "p99 ms", "of the limit"),
        [row for variant in variants for row in _bare_rows(variant)],
    )
    yield (
        "<p>pp: a prompt at once; tg: tokens one after another; @ d: behind so many tokens. The "
        "limit is what this machine's memory and multipliers allow at best, if every token reads "
        "the weights and what is cached, and multiplies by each parameter:</p>"
    )
    yield _table(
        ("", "GB/s", "multiplies/s", "of 8 bits", "weights", "cache a token"),
        [_limit_row(variant) for variant in variants],
    )
    yield _table(
        ("", "", "first token ms", "first hunk ms", "edit p50 ms", "edit p95 ms", "tokens/s"),
        [row for variant in variants for row in _request_rows(variant)],
    )
    yield _table(
        ("", "file", "import s", "load s", "first token s", "peak memory"),
        [_fresh_row(variant) for variant in variants],
    )
    yield line_chart(
        "Samples a minute, by how many are drawn in one batch",
        [
            Series(
                variant["label"],
                [(w["samples"], w["mean"]) for w in variant["widths"]],
                [w["deviation"] for w in variant["widths"]],
            )
            for variant in variants
        ],
        x="samples in a batch",
        y="samples a minute",
        logarithmic=True,
    )


def _bare_rows(variant: dict[str, Any]) -> Iterable[list[str]]:
    for test in variant["bare"]:
        times = test.get("milliseconds") or {}
        limit = test.get("of_limit")
        yield [
            variant["label"],
            test["name"],
            number(test["mean"]),
            number(test["deviation"]),
            *(f"{times[name]:.2f}" if name in times else "" for name in ("p50", "p95", "p99")),
            "" if limit is None else f"{limit:.0%}",
        ]


def _limit_row(variant: dict[str, Any]) -> list[str]:
    limits = variant["limits"]
    rates = [limits[name] for name in ("multiplies_per_second", "int8_multiplies_per_second")]
    return [
        variant["label"],
        number(limits["bytes_per_second"] / 1e9),
        *(f"{number(rate / 1e9)} G" for rate in rates),
        f"{variant['bytes'] / 1e6:.1f} MB",
        f"{variant['cache_bytes_per_token'] / 1e3:.1f} kB",
    ]


def _request_rows(variant: dict[str, Any]) -> Iterable[list[str]]:
    for kind, found in variant["requests"].items():
        rates = found["tokens_per_second"]
        edit = found["edit"] or {}
        yield [
            variant["label"],
            f"{kind} prefix",
            *(
                f"{found[name]['median']:.1f}" if found[name] else ""
                for name in ("first_token", "first_hunk")
            ),
            *(f"{edit[name]:.1f}" if name in edit else "" for name in ("p50", "p95")),
            number(sum(rates) / len(rates)),
        ]


def _fresh_row(variant: dict[str, Any]) -> list[str]:
    fresh, peak = variant["fresh"], variant["fresh"]["peak_bytes"]
    return [
        variant["label"],
        f"{variant['bytes'] / 1e6:.1f} MB",
        *(f"{fresh[f'{name}_seconds']:.2f}" for name in ("import", "load", "first_token")),
        "unknown" if peak is None else f"{peak / 1e6:.0f} MB",
    ]


def _passk(documents: Sequence[dict[str, Any]]) -> Iterable[str]:
    if not documents:
        return
    yield "<h2>Programs that pass</h2>"
    yield _table(
        ("suite", "problems", "k", "pass@k", "95% interval", "tokens a passing program"),
        [row for document in documents for row in _passk_rows(document)],
    )


def _passk_rows(document: dict[str, Any]) -> Iterable[list[str]]:
    figures = document["figures"]
    remarks = f" ({'; '.join(document['remarks'])})" if document["remarks"] else ""
    cost = figures["tokens a passing program"]
    for k, found in figures["pass@k"].items():
        yield [
            label(document) + remarks,
            str(figures["problems"]),
            k,
            f"{found['value']:.1%}",
            f"{found['low']:.1%} to {found['high']:.1%}",
            "none passed" if cost is None else number(cost),
        ]


def _scaling(curves: Sequence[dict[str, Any]]) -> Iterable[str]:
    if not curves:
        return
    yield "<h2>What more samples buy</h2>"
    yield (
        "<p>Samples of a problem are drawn one after another until one passes, in every order of "
        f"those that are stored. {escape(_ends(curves))}</p>"
    )
    for name, title, axis in (
        ("k", "Share of problems solved, by samples", "samples k"),
        ("tokens", "Share of problems solved, by tokens written", "tokens a problem"),
        ("seconds", "Share of problems solved, by decoding time", "seconds a problem"),
    ):
        series = [
            Series(one["label"], [(float(a), float(b)) for a, b, *_ in one[name]]) for one in curves
        ]
        yield line_chart(title, series, x=axis, y="solved", logarithmic=True, percent=True)


def _ends(curves: Sequence[dict[str, Any]]) -> str:
    ends = []
    for one in curves:
        last = [(*one[name][-1], name) for name in ("tokens", "seconds") if one[name]]
        said = [f"{number(budget)} {name} ({unknown:.1%})" for budget, _, unknown, name in last]
        ends += [f"{one['label']}: {', '.join(said)}"] if said else []
    return (
        f"A curve ends where more than {UNKNOWN:.0%} of the problems have neither a pass nor "
        "samples left, since nobody knows whether more would have helped; up to there, such a "
        f"problem counts as unsolved. The ends, and the share of such: {'; '.join(ends) or 'none'}."
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    cells = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    return (
        f'<div class="wide"><table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>'
        "</div>"
    )
