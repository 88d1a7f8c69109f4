"""``ondevice bench``: latency, scaling and compare, from the command to its files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ondevice.cli import main
from ondevice.cli.app import app
from tests.evaluation.report.test_report import document
from tests.evaluation.test_scaling import sample

runner = CliRunner()


def test_latency_prints_tables_and_writes_what_it_found(tmp_path: Path) -> None:
    found, html = tmp_path / "found.json", tmp_path / "found.html"
    numbers = ["-p", "16", "-n", "4", "-d", "0", "-r", "1"]
    files = ["--output", str(found), "--html", str(html)]
    done = runner.invoke(app, ["bench", "latency", "--backend", "onnx", *numbers, *files])
    assert done.exit_code == 0, done.output
    assert "onnx int8  pp16" in done.stdout
    assert "tg4" in done.stdout
    assert json.loads(found.read_text())["schema"] == "ondevice-latency/2"
    assert "pp16" in html.read_text()


def test_compare_says_what_is_worse(tmp_path: Path) -> None:
    for name, rate in (("a", 100.0), ("b", 80.0)):
        (tmp_path / f"{name}.json").write_text(json.dumps(document(rate)))
    paths = [str(tmp_path / "a.json"), str(tmp_path / "b.json")]
    done = runner.invoke(app, ["bench", "compare", *paths])
    assert done.exit_code == 1
    assert "worse" in done.stdout
    assert runner.invoke(app, ["bench", "compare", *paths[::-1]]).exit_code == 0
    same = runner.invoke(app, ["bench", "compare", paths[0], paths[0]])
    assert same.exit_code == 0
    assert "worse" not in same.stdout


def test_compare_says_what_cannot_be_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    once, folder = document(), tmp_path / "runs"
    for test in once["latency"]["variants"][0]["bare"]:
        test["tokens_per_second"] = [50.0, 150.0, 100.0, 60.0]
    (tmp_path / "a.json").write_text(json.dumps(document()))
    (tmp_path / "b.json").write_text(json.dumps(once))
    assert main(["bench", "compare", str(tmp_path / "a.json"), str(tmp_path / "b.json")]) == 0
    shown = capsys.readouterr()
    (line,) = [line for line in shown.out.splitlines() if "llama_cpp q8_0, tg128" in line]
    assert line.endswith("cannot be told")
    assert "one run on each side" in shown.err
    folder.mkdir()
    for number, rate in enumerate((99.0, 100.0, 101.0)):
        (folder / f"{number}.json").write_text(json.dumps(document(rate)))
    assert main(["bench", "compare", str(folder), str(folder)]) == 0
    shown = capsys.readouterr()
    assert "one run on each side" not in shown.err
    assert "cannot be told" not in shown.out


def test_scaling_reads_stored_samples(tmp_path: Path) -> None:
    path = tmp_path / "some.samples.jsonl"
    header = {
        "schema": "ondevice-samples/1",
        "model": "m",
        "suite": "s",
        "parameters": {"check": "names"},
    }
    rows = [sample("a", number, number % 2 == 0, 10 + number) for number in range(4)]
    lines = [header, *(row.to_json() for row in rows)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    html = tmp_path / "page.html"
    done = runner.invoke(app, ["bench", "scaling", str(path), "--html", str(html)])
    assert done.exit_code == 0, done.output
    assert "m, check names  50.0%   83.3%   100.0%" in done.stdout
    assert "What more samples buy" in html.read_text()


@pytest.mark.parametrize(
    "arguments",
    [
        ["compare", "missing.json", "missing.json"],
        ["scaling", "missing.jsonl"],
        ["latency", "--model", "no-such-model"],
    ],
)
def test_what_is_missing_is_an_error_without_a_traceback(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", *arguments]) in (2, 3)
    assert "Traceback" not in capsys.readouterr().err
