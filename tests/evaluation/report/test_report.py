"""The page, and the documents that it is made of."""

from __future__ import annotations

import json
import random
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from ondevice.errors import DataError
from ondevice.evaluation.report import bench_document, page, read_document, read_runs
from ondevice.evaluation.report.charts import Series, line_chart


def variant(label: str, rate: float) -> dict[str, Any]:
    rates = [rate * factor for factor in (0.99, 1.0, 1.01, 1.0, 0.995, 1.01, 1.0, 0.99)]
    limits = {
        "bytes_per_second": 2e10,
        "multiplies_per_second": 5e10,
        "int8_multiplies_per_second": 2e11,
    }
    times = {"p50": 1.0, "p95": 2.0, "p99": 3.0}
    request = {
        "first_token": {"median": 500 / rate, "each": [500 / one for one in rates]},
        "first_hunk": None,
        "token": times,
        "edit": None,
        "tokens_per_second": rates,
    }
    return {
        "label": label,
        "bytes": 10**7,
        "cache_bytes_per_token": 6000,
        "limits": {**limits, "rounds": [limits] * len(rates)},
        "fresh": {
            "import_seconds": 0.2,
            "load_seconds": 0.5,
            "first_token_seconds": 0.1,
            "peak_bytes": None,
        },
        "bare": [
            {"name": "pp512", "tokens_per_second": rates, "mean": rate, "deviation": 1.0},
            {
                "name": "tg128",
                "tokens_per_second": rates,
                "mean": rate,
                "deviation": 1.0,
                "milliseconds": times,
                "of_limit": 0.4,
            },
        ],
        "requests": {"cold": request, "warm": request},
        "widths": [
            {
                "samples": n,
                "per_minute": [n * one for one in rates[::2]],
                "mean": n * rate,
                "deviation": 0.3 * n * rate,
            }
            for n in (1, 2, 4)
        ],
    }


def passk(passed: int, problems: int = 60) -> dict[str, Any]:
    share = {"value": passed / problems, "low": 0.1, "high": 0.9}
    return {
        "schema": "ondevice-passk/1",
        "model": "m",
        "machine": {},
        "suite": "<everyday>",
        "remarks": ["the first 60 alone"],
        "figures": {
            "problems": problems,
            "pass@k": {"1": share},
            "tokens a passing program": None,
        },
        "problems": [
            {"id": str(n), "samples": 1, "passed": int(n < passed)} for n in range(problems)
        ],
    }


def document(rate: float = 100.0, passed: int = 30) -> dict[str, Any]:
    latency = {
        "schema": "ondevice-latency/2",
        "model": "m",
        "machine": {},
        "warnings": ["<hot>"],
        "variants": [variant("llama_cpp q8_0", rate), variant("onnx int8", rate / 2)],
    }
    curve = [[float(n), n / 20] for n in range(1, 20)]
    tokens = [[10 * budget, share, 0.03] for budget, share in curve]
    scaling = [{"label": "check & none", "k": curve, "tokens": tokens, "seconds": []}]
    return bench_document("m <1>", latency, [passk(passed)], scaling)


class Tags(HTMLParser):
    """Holds a page to being closed tag by tag, and remembers what it refers to."""

    VOID = ("meta", "link", "line", "circle", "polyline")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self.VOID

    def handle_endtag(self, tag: str) -> None:
        assert tag in self.VOID or self.open.pop() == tag


def test_the_page_is_whole_and_asks_for_nothing() -> None:
    text = page(document())
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    assert tags.addresses == ["data:,"]
    assert "<script" not in text
    assert "@import" not in text
    assert "url(" not in text
    assert "prefers-color-scheme:dark" in text
    assert "width=device-width" in text


def test_the_page_says_what_was_measured_and_escapes_it() -> None:
    text = page(document())
    for words in ("m &lt;1&gt;", "&lt;hot&gt;", "&lt;everyday&gt; (the first 60 alone)", "tg128"):
        assert words in text
    assert "<hot>" not in text
    assert "50.0%" in text
    assert "check &amp; none: 190 tokens (3.0%)" in text
    assert "10.0% to 90.0%" in text


def test_parts_that_were_not_measured_are_left_out() -> None:
    text = page(bench_document("m"))
    assert "<h2>" not in text
    assert text.count("<h1>") == 1


@pytest.mark.parametrize("logarithmic", [False, True])
def test_points_lie_inside_the_chart(logarithmic: bool) -> None:
    rng = random.Random(1)
    for _ in range(30):
        points = [(10 ** rng.uniform(-3, 5), rng.random() * 10 ** rng.randint(-2, 4))]
        points += [(points[0][0] * factor, rng.random()) for factor in (1, 2, 300)]
        text = line_chart("t", [Series("s", points)], x="x", y="y", logarithmic=logarithmic)
        (path,) = re.findall(r'points="([^"]*)"', text)
        for pair in path.split():
            x, y = map(float, pair.split(","))
            assert 92 <= x <= 624
            assert 48 <= y <= 296
        for place in re.findall(r'<text x="([-\d.]+)"', text):
            assert 0 <= float(place) <= 640


def test_a_chart_without_points_is_nothing() -> None:
    assert line_chart("t", [Series("s", [])], x="x", y="y") == ""


def test_documents_come_back_and_parts_become_whole(tmp_path: Path) -> None:
    whole = document()
    for content in (whole, whole["latency"], whole["passk"][0]):
        (tmp_path / "a.json").write_text(json.dumps(content))
        found = read_document(tmp_path / "a.json")
        assert found["schema"] == "ondevice-bench/1"
    assert read_document(tmp_path / "a.json")["passk"] == [whole["passk"][0]]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"schema": "ondevice-bench/99"}', "3"])
def test_what_is_no_document(content: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(DataError, match=r"a\.json"):
        read_document(tmp_path / "a.json")
    with pytest.raises(DataError, match="there is no file"):
        read_document(tmp_path / "b.json")


def test_a_part_that_is_older_than_what_reads_it_is_said(tmp_path: Path) -> None:
    old = document()
    old["latency"]["schema"] = "ondevice-latency/1"
    (tmp_path / "a.json").write_text(json.dumps(old))
    with pytest.raises(DataError, match=r"'ondevice-latency/1'; .* measure it anew"):
        read_document(tmp_path / "a.json")


def test_a_folder_is_several_runs_or_what_all_left(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no document"):
        read_runs(tmp_path)
    for name in ("a", "b"):
        (tmp_path / f"{name}.json").write_text(json.dumps(document()))
    assert len(read_runs(tmp_path)) == 2
    (tmp_path / "bench.json").write_text(json.dumps(document(passed=7)))
    (whole,) = read_runs(tmp_path)
    assert whole["passk"][0]["problems"][7]["passed"] == 0
