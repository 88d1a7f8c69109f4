from __future__ import annotations

import io
import json
import math
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

import ondevice
from ondevice.cli import main
from ondevice.events import EditAccepted, Event

from .fakes import FINDING, FIZZBUZZ, WRONG, FakeModel, stream

FAKES = Path(__file__).with_name("fakes.py")
PROGRAM = FIZZBUZZ[-1]

Install = Callable[..., FakeModel]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    def install(events: Generator[Event, None, None] | None = None) -> FakeModel:
        fake = FakeModel(stream(FIZZBUZZ, wrong={2: WRONG}) if events is None else events)
        monkeypatch.setattr(ondevice, "load", fake.load, raising=False)
        return fake

    return install


@pytest.fixture
def fake(install: Install) -> FakeModel:
    return install()


class TestFormats:
    def test_text_is_the_program_and_nothing_else(
        self, fake: FakeModel, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["generate", "write fizzbuzz"]) == 0
        assert capsys.readouterr() == (PROGRAM, "")
        assert fake.closed

    def test_json_has_an_event_a_line_that_replay_to_the_program(
        self, fake: FakeModel, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["generate", "x", "--format", "json"]) == 0
        events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert {event["type"] for event in events} == {
            *("token", "line", "hunk_applied", "edit_accepted", "edit_rejected", "done")
        }
        assert replay(events) == events[-1]["text"] == PROGRAM

    @pytest.mark.skipif(not shutil.which("patch"), reason="patch is not installed")
    def test_diff_is_a_series_of_patches(
        self, fake: FakeModel, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        assert main(["generate", "x", "--format", "diff"]) == 0
        out = capsys.readouterr().out
        assert out.count("# edit ") == 2
        assert "limit" not in out, "a refused edit is no part of it"
        subprocess.run(["patch", "-p1"], input=out, text=True, cwd=tmp_path, check=True)
        assert (tmp_path / "program.py").read_text() == PROGRAM

    def test_live_is_text_where_there_is_no_terminal(
        self,
        fake: FakeModel,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("FORCE_COLOR", "1")
        assert main(["generate", "x", "--format", "live"]) == 0
        assert capsys.readouterr() == (PROGRAM, "")


class TestRequest:
    def test_the_defaults(self, fake: FakeModel) -> None:
        main(["generate", "x"])
        assert fake.request == {
            "model": None,
            "backend": None,
            "context_length": None,
            "threads": None,
            "prompt": "x",
            "seed": 0,
            "temperature": 0.0,
            "top_p": 0.95,
            "top_k": 0,
            "min_p": 0.0,
            "max_tokens": 768,
            "max_seconds": math.inf,
            "samples": 1,
            "tests": None,
            "width": None,
            "check": "names",
            "retries": 8,
            "depth": 1,
            "constrain": True,
        }

    def test_options_arrive(self, fake: FakeModel) -> None:
        options = "-m some.gguf --backend onnx --seed 3 --check syntax --no-constraint --context 99"
        main(["generate", "x", *options.split()])
        given = {"model": "some.gguf", "backend": "onnx", "seed": 3, "context_length": 99}
        assert fake.request.items() >= (given | {"constrain": False}).items()
        assert fake.request["check"] == ["syntax"]

    def test_a_dash_reads_the_prompt_from_stdin(
        self, fake: FakeModel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO("write fizzbuzz\n"))
        assert main(["generate", "-"]) == 0
        assert fake.request["prompt"] == "write fizzbuzz"

    @pytest.mark.parametrize("prompt", ["", " \n", "\udcff"])
    def test_a_prompt_that_says_nothing_is_refused(
        self, fake: FakeModel, capsys: pytest.CaptureFixture[str], prompt: str
    ) -> None:
        assert main(["generate", prompt]) == 2
        assert one_error(capsys).startswith("error: the prompt is ")
        assert not fake.request, "before a model is loaded"

    @pytest.mark.parametrize(
        "arguments",
        [
            [],
            ["x", "--top-p", "2"],
            ["x", "--max-tokens", "0"],
            ["x", "--format", "xml"],
            ["x", "--nonsense"],
            ["x", "y"],
        ],
    )
    def test_wrong_usage(
        self, fake: FakeModel, capsys: pytest.CaptureFixture[str], arguments: list[str]
    ) -> None:
        assert main(["generate", *arguments]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert "Error: " in captured.err
        assert not fake.request


class TestVerdict:
    def test_findings(self, install: Install, capsys: pytest.CaptureFixture[str]) -> None:
        install(stream([WRONG], findings=(FINDING,)))
        assert main(["generate", "x"]) == 1
        assert capsys.readouterr() == (
            WRONG,
            "check: line 2: undefined name 'limit' [names]\n",
        )

    @pytest.mark.parametrize("reason", ["length", "time", "size", "context", "retries"])
    def test_unfinished(
        self, install: Install, capsys: pytest.CaptureFixture[str], reason: str
    ) -> None:
        install(stream(FIZZBUZZ, finish=reason))
        assert main(["generate", "x"]) == 1
        captured = capsys.readouterr()
        assert captured.out == PROGRAM
        assert captured.err.startswith("unfinished: ")
        assert captured.err.count("\n") == 1

    @pytest.mark.parametrize(
        ("error", "code"),
        [
            ("RequestError", 2),
            ("PromptTooLongError", 2),
            ("CheckError", 2),
            ("DataError", 2),
            ("ModelNotFoundError", 3),
            ("ModelFormatError", 3),
            ("DependencyError", 3),
            ("OutOfMemoryError", 3),
        ],
    )
    def test_errors_are_one_line(
        self, install: Install, capsys: pytest.CaptureFixture[str], error: str, code: int
    ) -> None:
        import ondevice.errors

        def failing() -> Generator[Event, None, None]:
            raise getattr(ondevice.errors, error)("what went\n wrong")
            yield

        fake = install(failing())
        assert main(["generate", "x"]) == code
        assert one_error(capsys) == "error: what went wrong"
        assert fake.closed


class TestOutput:
    def test_the_program_is_written_and_printed(
        self, fake: FakeModel, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        target = tmp_path / "fizz.py"
        assert main(["generate", "x", "-o", str(target)]) == 0
        assert target.read_bytes().decode() == capsys.readouterr().out == PROGRAM
        assert os.listdir(tmp_path) == ["fizz.py"]

    def test_an_existing_file_keeps_its_mode_and_a_link_its_place(
        self, fake: FakeModel, tmp_path: Path
    ) -> None:
        target, link = tmp_path / "fizz.py", tmp_path / "link.py"
        target.write_text("old")
        target.chmod(0o751)
        link.symlink_to(target)
        assert main(["generate", "x", "-o", str(link)]) == 0
        assert link.is_symlink()
        assert target.read_text() == PROGRAM
        assert stat.S_IMODE(target.stat().st_mode) == 0o751

    def test_a_device_is_not_replaced(self, fake: FakeModel) -> None:
        assert main(["generate", "x", "-o", os.devnull]) == 0
        assert not Path(os.devnull).is_file()

    @pytest.mark.parametrize("target", ["", "missing/fizz.py", "file/fizz.py"])
    def test_what_cannot_be_written_is_still_printed(
        self,
        fake: FakeModel,
        capsys: pytest.CaptureFixture[str],
        tmp_path: Path,
        target: str,
    ) -> None:
        (tmp_path / "file").touch()
        assert main(["generate", "x", "-o", str(tmp_path / target)]) == 2
        captured = capsys.readouterr()
        assert captured.out == PROGRAM
        warning, error = captured.err.splitlines()
        assert warning.startswith("warning: cannot write ")
        assert error.startswith("error: cannot write ")

    def test_a_write_that_fails_leaves_the_old_file(
        self,
        fake: FakeModel,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
    ) -> None:
        target = tmp_path / "fizz.py"
        target.write_text("old")
        monkeypatch.setattr(os, "fsync", no_space)
        assert main(["generate", "x", "-o", str(target)]) == 2
        assert "No space left on device" in capsys.readouterr().err
        assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [
            ("fizz.py", "old")
        ]


class TestInterruption:
    @pytest.mark.parametrize("format", ["text", "json", "diff"])
    def test_what_was_accepted_is_kept(
        self,
        install: Install,
        capsys: pytest.CaptureFixture[str],
        tmp_path: Path,
        format: str,
    ) -> None:
        fake = install(interrupted(stream(FIZZBUZZ)))
        target = tmp_path / "fizz.py"
        assert main(["generate", "x", "--format", format, "-o", str(target)]) == 130
        captured = capsys.readouterr()
        assert captured.err == "interrupted; what was accepted until then is kept\n"
        assert target.read_text() == FIZZBUZZ[0]
        assert fake.stopped
        assert fake.closed
        if format == "text":
            assert captured.out == FIZZBUZZ[0]
        elif format == "json":
            done = json.loads(captured.out.splitlines()[-1])
            assert (done["finish_reason"], done["text"]) == ("cancelled", FIZZBUZZ[0])
            assert done["stats"]["edits"] == 1
            assert done["stats"]["tokens"] == 4
        else:
            assert captured.out.count("# edit") == 1

    def test_a_signal_does_the_same(self) -> None:
        process = start("60", "0.05", "generate", "x", "--format", "json")
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        assert process.returncode == 130
        assert json.loads(out.splitlines()[-1])["finish_reason"] == "cancelled"
        assert err == "interrupted; what was accepted until then is kept\n"

    @pytest.mark.parametrize("format", ["text", "json", "diff"])
    def test_a_closed_stdout_ends_it_quietly(self, format: str) -> None:
        process = start("60", "0.01", "generate", "x", "--format", format)
        assert process.stdout is not None
        if format == "json":  # the others print at the end
            process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
        assert process.wait(timeout=20) == 141


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(FAKES), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background jobs ignore Ctrl-C, and so would what they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def replay(events: list[dict[str, Any]]) -> str:
    """Return the program of a stream, from its JSON alone."""
    lines: list[str] = []
    accepted: list[str] = []
    for event in events:
        if event["type"] == "hunk_applied":
            row = event["row"]
            assert lines[row : row + len(event["removed"])] == event["removed"]
            lines[row : row + len(event["removed"])] = event["added"]
        elif event["type"] == "edit_accepted":
            accepted = list(lines)
        elif event["type"] == "edit_rejected":
            lines = list(accepted)
    return "".join(f"{line}\n" for line in accepted)


def interrupted(events: Generator[Event, None, None]) -> Generator[Event, None, None]:
    """Press Ctrl-C in the middle of the second edit."""
    for event in events:
        yield event
        if isinstance(event, EditAccepted):
            yield next(events)
            raise KeyboardInterrupt


def one_error(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    return line


def no_space(handle: int) -> None:
    raise OSError(28, "No space left on device")
