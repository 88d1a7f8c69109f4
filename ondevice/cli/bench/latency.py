"""``ondevice bench latency``: how fast a model runs on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ondevice.cli.bench.progress import stage_progress
from ondevice.cli.columns import columns, size
from ondevice.cli.options import BackendName, ModelName

Page = Annotated[Path | None, typer.Option(help="Also write a page with plots (HTML).")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Write the figures as JSON.")]
_LIMITS = ("bytes_per_second", "multiplies_per_second", "int8_multiplies_per_second")


def latency(
    model: ModelName = None,
    backend: BackendName = None,
    prompt: Annotated[int, typer.Option("-p", "--prompt", min=1, help="Tokens of pp.")] = 512,
    generate: Annotated[int, typer.Option("-n", "--generate", min=1, help="Tokens of tg.")] = 128,
    depth: Annotated[
        list[int] | None,
        typer.Option("-d", "--depth", min=0, help="Tokens before tg.  [default: 0 and 512]"),
    ] = None,
    repetitions: Annotated[
        int, typer.Option("-r", "--repetitions", min=1, help="Rounds, each with every test.")
    ] = 8,
    threads: Annotated[
        list[int] | None,
        typer.Option("-t", "--threads", min=1, help="May be repeated.  [default: as in generate]"),
    ] = None,
    output: Output = None,
    html: Page = None,
) -> None:
    """Tokens a second, time to the first token and hunk, samples a minute, memory.

    Every file of the model that this machine can run is measured, in llama-bench's terms: pp512 is
    a prompt of 512 tokens, tg128 are 128 tokens one after another; mean and standard deviation over
    repetitions, which are spread over the whole time. Decoding is also given as a share of what
    this machine's memory and multipliers allow.
    """
    from ondevice.evaluation.latency import LatencyPlan, measure
    from ondevice.evaluation.report import bench_document

    plan = LatencyPlan(
        prompt=prompt,
        generate=generate,
        depths=tuple(depth or (0, 512)),
        repetitions=repetitions,
        threads=tuple(threads or (None,)),
    )
    with stage_progress() as tell:
        found = measure(model, backend, plan, tell)
    show(found)
    save(found, bench_document(found["model"], latency=found), output, html)


def show(document: dict[str, Any]) -> None:
    """Print a document of latencies as tables."""
    rows: list[tuple[str, ...]] = [
        ("", "TEST", "TOKENS/S", "P50 MS", "P95 MS", "P99 MS", "OF THE LIMIT")
    ]
    for variant in document["variants"]:
        for test in variant["bare"]:
            times = test.get("milliseconds", {})
            milliseconds = [f"{times[p]:.2f}" if times else "" for p in ("p50", "p95", "p99")]
            limit = f"{test['of_limit']:.0%}" if "of_limit" in test else ""
            rate = f"{test['mean']:.1f} ± {test['deviation']:.1f}"
            rows.append((variant["label"], test["name"], rate, *milliseconds, limit))
    print(columns(rows))
    rows = [("", "", "FIRST TOKEN MS", "FIRST HUNK MS", "EDIT P50 MS", "EDIT P95 MS")]
    for variant in document["variants"]:
        for kind, found in variant["requests"].items():
            firsts = [_median(found[name]) for name in ("first_token", "first_hunk")]
            edit = found["edit"] or {}
            edits = [f"{edit[p]:.1f}" if edit else "" for p in ("p50", "p95")]
            rows.append((variant["label"], f"{kind} prefix", *firsts, *edits))
    print(f"\n{columns(rows)}")
    rows = [("", "BYTES/S", "MULTIPLIES/S", "OF 8 BITS", "CACHE A TOKEN")]
    for variant in document["variants"]:
        limits = [f"{variant['limits'][name] / 1e9:.1f} G" for name in _LIMITS]
        rows.append((variant["label"], *limits, size(variant["cache_bytes_per_token"])))
    print(f"\n{columns(rows)}")
    widths = [str(one["samples"]) for one in document["variants"][0]["widths"]]
    rows = [("SAMPLES A MINUTE, BY BATCH", *widths)]
    for variant in document["variants"]:
        cells = [f"{one['mean']:.0f} ± {one['deviation']:.0f}" for one in variant["widths"]]
        rows.append((variant["label"], *cells))
    print(f"\n{columns(rows)}")
    rows = [("", "FILE", "IMPORT S", "LOAD S", "PEAK MEMORY")]
    for variant in document["variants"]:
        fresh, peak = variant["fresh"], variant["fresh"]["peak_bytes"]
        seconds = [f"{fresh[f'{name}_seconds']:.2f}" for name in ("import", "load")]
        memory = "unknown" if peak is None else size(peak)
        rows.append((variant["label"], size(variant["bytes"]), *seconds, memory))
    print(f"\n{columns(rows)}")
    for text in document["warnings"]:
        typer.echo(f"warning: {text}", err=True)


def save(
    part: dict[str, Any], whole: dict[str, Any], output: Path | None, html: Path | None
) -> None:
    """Write a document as JSON, and the page of the whole that it belongs to."""
    from ondevice.cli.bench.figures import write_document
    from ondevice.evaluation.report import page
    from ondevice.files import write_atomically

    if output:
        write_document(output, part)
    if html:
        write_atomically(html, page(whole))


def _median(found: dict[str, Any] | None) -> str:
    return f"{found['median']:.1f}" if found else "none"
