"""``ondevice bench scaling``: what more samples buy, from samples that are stored."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ondevice.cli.bench.latency import Output, Page, save
from ondevice.cli.columns import columns

_SHOWN = (1, 2, 4, 8, 16, 32, 64, 128)


def scaling(
    samples: Annotated[
        list[Path],
        typer.Argument(metavar="SAMPLES.jsonl ...", help="What `passk --output` stores."),
    ],
    output: Output = None,
    html: Page = None,
) -> None:
    """Share of problems solved against samples, tokens and seconds (test-time scaling).

    Draw the samples with `ondevice bench passk --samples 16 --temperature 0.8 --output FILE.json`,
    once with checks and once with `--check none`, say, and give both files here.
    """
    from ondevice.evaluation.report import bench_document

    curves = [curve(path) for path in samples]
    show(curves)
    whole = bench_document(curves[0]["model"], scaling=curves)
    save(whole, whole, output, html)


def curve(path: Path, label: str | None = None) -> dict[str, Any]:
    """Return the curves of a file of samples, with a label that tells it from others."""
    from ondevice.evaluation.samples import read_samples
    from ondevice.evaluation.scaling import scaling as curves

    header, found = read_samples(path)
    if not found:
        raise typer.BadParameter(f"{path} holds no samples yet")
    named = label or f"{header['model']}, check {header['parameters'].get('check')}"
    return {"label": named, "model": header["model"], "suite": header["suite"], **curves(found)}


def show(curves: list[dict[str, Any]]) -> None:
    """Print pass@k of each, and the budgets that solve half of what is solved at all."""
    ks = [k for k in _SHOWN if any(k <= one["k"][-1][0] for one in curves)]
    rows = [("", *(f"PASS@{k}" for k in ks), "HALF OF IT BY TOKENS", "SECONDS")]
    for one in curves:
        shares = dict(map(tuple, one["k"]))
        cells = [f"{shares[k]:.1%}" if k in shares else "" for k in ks]
        rows.append((one["label"], *cells, *(_half(one[name]) for name in ("tokens", "seconds"))))
    print(columns(rows))


def _half(points: list[list[float]]) -> str:
    if not points or not points[-1][1]:
        return ""
    reached = points[-1][1] / 2
    return f"{next(budget for budget, share, *_ in points if share >= reached):.3g}"
