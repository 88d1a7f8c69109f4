"""The page and the comparison of two measurements."""

from __future__ import annotations

import copy
import json
import random
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from ondevice.errors import DataError
from ondevice.evaluation.report import bench_document, compare, page, read_document
from ondevice.evaluation.report.charts import Series, line_chart
from ondevice.evaluation.report.compare import welch

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)


def variant(label: str, rate: float) -> dict[str, Any]:
    rates = [rate * factor for factor in (0.99, 1.0, 1.01, 1.0, 0.995)]
    times = {"p50": 1.0, "p95": 2.0, "p99": 3.0}
    request = {
        "first_token": {"median": 5.0, "each": [5.0]},
        "first_hunk": None,
        "token": times,
        "edit": None,
        "tokens_per_second": rates,
    }
    return {
        "label": label,
        "bytes": 10**7,
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
        "widths": [{"samples": n, "per_minute": 60.0 * n} for n in (1, 2, 4)],
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
        "schema": "ondevice-latency/1",
        "model": "m",
        "machine": {},
        "warnings": ["<hot>"],
        "variants": [variant("llama_cpp q8_0", rate), variant("onnx int8", rate / 2)],
    }
    curve = [[float(n), n / 20] for n in range(1, 20)]
    scaling = [{"label": "check & none", "k": curve, "tokens": curve, "seconds": []}]
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
            assert 72 <= x <= 624
            assert 16 <= y <= 264
        for place in re.findall(r'<text x="([-\d.]+)"', text):
            assert 0 <= float(place) <= 640


def test_a_chart_without_points_is_nothing() -> None:
    assert line_chart("t", [Series("s", [])], x="x", y="y") == ""


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
@pytest.mark.parametrize("width", [1280, 390])
def test_a_browser_shows_the_page_without_complaint(width: int, tmp_path: Path) -> None:
    assert CHROMIUM
    text = page(document())
    # The page tells its own width to its title, which comes back with the document.
    probe = "<script>document.title='w'+document.documentElement.scrollWidth</script></body>"
    file = tmp_path / "page.html"
    file.write_text(text.replace("</body>", probe), encoding="utf-8")
    done = subprocess.run(
        [
            *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"),
            *("--no-first-run", "--disable-background-networking", "--disable-sync"),
            *("--disable-component-update", f"--user-data-dir={tmp_path / 'profile'}"),
            *(f"--window-size={width},900", "--enable-logging=stderr", "--dump-dom"),
            file.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    (shown,) = re.findall(r"<title>w(\d+)</title>", done.stdout)
    assert int(shown) <= width + 110  # headless windows have a least width
    assert ":CONSOLE" not in done.stderr


def test_the_same_document_does_not_differ() -> None:
    found = compare(document(), document())
    assert found
    assert not any(one.counts for one in found)
    assert all(one.ratio == 1 for one in found)


@pytest.mark.parametrize(("rate", "better"), [(130.0, True), (80.0, False)])
def test_a_change_of_speed_is_found(rate: float, better: bool) -> None:
    found = [one for one in compare(document(), document(rate)) if "tokens/s" in one.name]
    assert len(found) == 8
    assert all(one.counts and one.better is better for one in found)


def test_a_small_or_noisy_change_is_not() -> None:
    assert not any(one.counts for one in compare(document(), document(101.0)))
    noisy = document(130.0)
    for one in noisy["latency"]["variants"]:
        for test in one["bare"]:
            test["tokens_per_second"] = [50.0, 210.0, 130.0, 90.0, 170.0]
    found = [one for one in compare(document(), noisy) if "pp512" in one.name]
    assert found
    assert not any(one.counts for one in found)


@pytest.mark.parametrize(("passed", "counts"), [(30, False), (31, False), (45, True), (15, True)])
def test_shares_are_compared_problem_by_problem(passed: int, counts: bool) -> None:
    (found,) = [one for one in compare(document(), document(passed=passed)) if "pass@" in one.name]
    assert found.counts is counts
    assert found.better is ((passed > 30) if counts else None)


def test_measurements_of_one_suite_are_told_apart() -> None:
    def both(passed: int) -> dict[str, Any]:
        made = document()
        checked, free = passk(passed), passk(30)
        checked["parameters"], free["parameters"] = {"check": "names"}, {"check": "none"}
        return made | {"passk": [checked, free]}

    found = [one for one in compare(both(45), both(15)) if "pass@" in one.name]
    assert {one.name: one.counts for one in found} == {
        "<everyday>, check names, pass@1": True,
        "<everyday>, check none, pass@1": False,
    }


def test_welch_agrees_with_known_values() -> None:
    # Equal variances and sizes: Student's t with 8 degrees of freedom; t = 2.306 has p = 0.05.
    one = [0.0, 1.0, 2.0, 3.0, 4.0]
    shift = 2.306004 * (2 * 2.5 / 5) ** 0.5
    assert welch(one, [value + shift for value in one]) == pytest.approx(0.05, abs=1e-4)
    assert welch(one, one) == pytest.approx(1.0)
    assert welch([1.0], [2.0, 3.0]) == 1.0
    assert welch([1.0, 1.0], [2.0, 2.0]) == 0.0


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


def test_comparing_changes_nothing() -> None:
    first, second = document(), document(120.0)
    before = copy.deepcopy((first, second))
    compare(first, second)
    assert (first, second) == before
