"""The command line on the real engine, with a scripted backend in place of weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import ondevice
from ondevice.backends.scripted import ScriptedBackend
from ondevice.cli import main

from .test_generate import replay
from .test_live import play

END = "<|diff|>\n<|diff|><|endoftext|>"
FIRST = "@@ -0,0 +1,2 @@\n+def area(width, height):\n+    return width * height\n"
REFUSED = "<|diff|>@@ -2,0 +3,2 @@\n+\n+print(aera(2, 3))\n"
SECOND = "<|diff|>@@ -2,0 +3,2 @@\n+\n+print(area(2, 3))\n"
THIRD = "<|diff|>@@ -1,0 +2 @@\n+    assert width > 0\n@@ -3,0 +5 @@\n+unit = 'm'\n"
PROGRAM = (
    "def area(width, height):\n    assert width > 0\n    return width * height\n"
    "\nunit = 'm'\nprint(area(2, 3))\n"
)


@pytest.fixture
def model() -> ondevice.Model:
    scripts = [FIRST + REFUSED + END, FIRST + SECOND + THIRD + END]
    return ondevice.Model(ScriptedBackend(scripts), name="scripted")


@pytest.fixture(autouse=True)
def _load(model: ondevice.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*arguments: Any, **options: Any) -> ondevice.Model:
        return model

    monkeypatch.setattr(ondevice, "load", load)


def test_the_json_lines_replay_to_the_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", "x", "--format", "json"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["attempt"] for event in events if event["type"] == "edit_rejected"] == [1]
    assert replay(events) == events[-1]["text"] == PROGRAM


def test_the_live_view_shows_each_step(model: ondevice.Model) -> None:
    screen, stderr = play(model.stream("x"), 70, 20)
    assert "".join(f"{row}\n" for row in screen.terminal.everything[:-1]) == PROGRAM
    assert [
        "  1   def area(width, height):",
        "  2       return width * height",
        "  3 -",
        "  4 - print(aera(2, 3))",
        "✓✗ edit 2  taken back: line 4: undefined name 'aera' [names]",
    ] in screen.frames
    assert any(
        frame[4:5] == ["  5 + unit = 'm'"] and frame[-1] == "✓✗✓ edit 3" for frame in screen.frames
    )
    assert stderr.startswith("3 edits, 1 taken back, ")


def test_too_few_retries(capsys: pytest.CaptureFixture[str]) -> None:
    """What never passes is kept at last, and said to be wrong."""
    assert main(["generate", "x", "--retries", "0", "--depth", "0"]) == 1
    captured = capsys.readouterr()
    assert captured.out.startswith(FIRST.partition("\n")[2].replace("+", ""))
    assert "aera" in captured.out
    assert captured.err == "check: line 4: undefined name 'aera' [names]\n"


@pytest.mark.parametrize(
    "arguments",
    [["--check", "taste"], ["--temperature", "nan"], ["--temperature", "inf"], ["--top-p", "nan"]],
)
def test_parameters_that_cannot_be(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["generate", "x", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.rpartition("rror: ")[1]


class TestSamples:
    @pytest.fixture(autouse=True)
    def _several(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Each sample is refused once, and right then."""
        scripts = [FIRST + REFUSED + END, FIRST + SECOND + END]
        backend = ScriptedBackend(scripts, max_sequences=1)
        model = ondevice.Model(backend, name="scripted")
        monkeypatch.setattr(ondevice, "load", lambda *arguments, **options: model)

    def test_the_best_is_printed(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        tests = tmp_path / "tests.py"
        tests.write_text("assert area(2, 3) == 6\n")
        assert main(["generate", "x", "-n", "3", "--tests", str(tests)]) == 0
        assert capsys.readouterr().out.startswith(FIRST.partition("\n")[2].replace("+", ""))

    def test_events_name_their_sample(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["generate", "x", "-n", "3", "--format", "json"]) == 0
        events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        finished = [event for event in events if event["type"] == "sample_finished"]
        assert sorted(event["sample"] for event in finished) == [0, 1, 2]
        last = events[-1]
        assert last["stats"]["samples"] == 3
        assert last["text"] == replay(e for e in events if e["sample"] == last["sample"])

    def test_patches_are_those_of_the_best(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["generate", "x", "-n", "3", "--format", "diff"]) == 0
        printed = capsys.readouterr().out
        assert printed.count("# edit 1\n") == 1
        assert "--- /dev/null" in printed

    def test_no_sample_passes(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        tests = tmp_path / "tests.py"
        tests.write_text("assert area(2, 3) == 7\n")
        assert main(["generate", "x", "-n", "2", "--tests", str(tests)]) == 1
        captured = capsys.readouterr()
        assert "def area" in captured.out
        assert captured.err.startswith("check: line ")
        assert "assert area(2, 3) == 7" in captured.err

    @pytest.mark.parametrize("content", ["", "assert (", None])
    def test_tests_that_cannot_be(
        self, content: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        tests = tmp_path / "tests.py"
        if content is not None:
            tests.write_text(content)
        assert main(["generate", "x", "--tests", str(tests)]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("error: the tests ")
