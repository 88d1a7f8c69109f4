"""Backends, checks, dialects and suites of another package, found by its entry points."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ondevice
from ondevice.cli import main
from ondevice.edits import LINTSEQ, LintSeq
from ondevice.errors import DataError, DependencyError, RequestError
from ondevice.evaluation.suites import load_suite

MODULE = """
from ondevice.backends.scripted import ScriptedBackend
from ondevice.edits import LintSeq
from ondevice.evaluation.suites.everyday import read_everyday
from ondevice.events import Finding

TEXT = "@@ -0,0 +1 @@\\n+print(1)\\n<|diff|>@@ -1,0 +2 @@\\n+x = 2\\n<|diff|>\\n<|diff|>"


class Echo(ScriptedBackend):
    name = "echo"
    suffix = ".echo"

    def __init__(self, path, *, context_length=None, max_sequences=None, threads=None):
        super().__init__(TEXT, max_sequences=max_sequences or 2)


def no_print(text):
    row = text[: text.find("print")].count("\\n") + 1
    return [Finding("no-print", row, "it prints")] if "print" in text else []


class Counting:
    made = 0

    def __init__(self):
        Counting.made += 1

    def __call__(self, text):
        return []


class Mine(LintSeq):
    name = "mine"


MINE = Mine()


def read(rows):
    (problem, *_) = read_everyday_problems()
    return [problem for _ in rows]


def read_everyday_problems():
    from ondevice.evaluation.suites.everyday import FOLDER

    return read_everyday(FOLDER, "wordings").problems
"""
POINTS = """[ondevice.backends]
echo = plugged:Echo
[ondevice.checks]
no-print = plugged:no_print
counting = plugged:Counting
broken = plugged_without:nothing
[ondevice.dialects]
mine = plugged:MINE
[ondevice.suites]
others = plugged:read
"""


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install a package, as far as Python can tell."""
    site = tmp_path / "site"
    (site / "plugged-1.0.dist-info").mkdir(parents=True)
    (site / "plugged-1.0.dist-info" / "METADATA").write_text("Name: plugged\nVersion: 1.0\n")
    (site / "plugged-1.0.dist-info" / "entry_points.txt").write_text(POINTS)
    (site / "plugged.py").write_text(MODULE)
    monkeypatch.syspath_prepend(site)
    yield
    sys.modules.pop("plugged", None)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    file = tmp_path / "model.echo"
    file.write_bytes(b"anything")
    return file


def test_a_backend_reads_its_files(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with ondevice.load(weights) as model:
        assert model.backend_name == "echo"
        assert model.generate("write").text == "print(1)\nx = 2\n"
    with ondevice.load(weights.parent, backend="echo") as model:
        assert model.backend_name == "echo"
    assert main(["generate", "write", "--model", str(weights)]) == 0
    assert capsys.readouterr().out == "print(1)\nx = 2\n"


def test_a_check_by_its_name(weights: Path) -> None:
    with ondevice.load(weights) as model:
        found = model.generate("write", check="no-print", retries=0, depth=0)
        assert [finding.check for finding in found.findings] == ["no-print"]
        assert model.generate("write", check=["names", "counting"]).findings == ()
        assert model.generate("write", check=["counting"]).findings == ()
        made = sys.modules["plugged"].Counting.made
    assert made == 2, "it is made anew for each request"


def test_a_dialect_by_its_name(weights: Path) -> None:
    with ondevice.load(weights, dialect="mine") as model:
        assert model.dialect == "mine"
        assert model.generate("write").text == "print(1)\nx = 2\n"


def test_a_suite_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "others.jsonl"
    file.write_text(json.dumps({"a": 1}) + "\n")
    assert len(load_suite("others", file).problems) == 1
    with pytest.raises(DataError, match="--file"):
        load_suite("others")


def test_what_nobody_brings(weights: Path) -> None:
    with pytest.raises(DataError, match="others"):
        load_suite("nothing")
    with pytest.raises(RequestError, match="mine"):
        ondevice.load(weights, dialect="nothing")
    with pytest.raises(RequestError, match="echo"):
        ondevice.load(weights, backend="nothing")
    with ondevice.load(weights) as model, pytest.raises(RequestError, match="no-print"):
        model.generate("write", check="nothing")


def test_what_cannot_be_loaded(weights: Path) -> None:
    with (
        ondevice.load(weights) as model,
        pytest.raises(DependencyError, match="pip uninstall plugged"),
    ):
        model.generate("write", check="broken")


def test_a_dialect_whose_edits_nothing_ends(weights: Path) -> None:
    """Then a prompt may hold anything."""

    class Reader(LINTSEQ.reader_class):  # type: ignore[name-defined,misc]
        separator = ""

    class Bare(LintSeq):
        reader_class = Reader
        name = "bare"

    with ondevice.load(weights, dialect=Bare()) as model:
        assert model.generate("write", max_tokens=30, check="none").finish_reason == "length"
    with pytest.raises(RequestError, match="dialect"):
        ondevice.load(weights, dialect=5)  # type: ignore[arg-type]
