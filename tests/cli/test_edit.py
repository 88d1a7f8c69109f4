"""``ondevice edit`` on the real engine, with a scripted backend in place of weights."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console

import ondevice
from ondevice.backends.scripted import ScriptedBackend
from ondevice.cli import main
from ondevice.cli.live import LiveEdit
from ondevice.cli.patches import colored
from ondevice.edits import LINTSEQ, Buffer
from ondevice.events import Done
from tests.cli.test_live import Screen

SOURCE = "def f(a):\n    return a\n"
CHANGED = "def f(a):\n    a += 1\n    return a\n"
RIGHT = "@@ -1,0 +2 @@\n+    a += 1\n<|diff|>\n<|diff|>"
WRONG = RIGHT.replace("a += 1", "a += b")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "f.py"
    path.write_bytes(SOURCE.encode())
    return path


def install(monkeypatch: pytest.MonkeyPatch, *scripts: str) -> None:
    model = ondevice.Model(ScriptedBackend(list(scripts)), name="scripted")
    monkeypatch.setattr(ondevice, "load", lambda *arguments, **options: model)


def test_the_difference_is_shown_and_nothing_written(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(monkeypatch, RIGHT)
    assert main(["edit", str(file), "add one"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert captured.out.startswith("--- a/f.py\n+++ b/f.py\n@@ -1,2 +1,3 @@\n")
    assert file.read_text() == SOURCE
    if shutil.which("patch"):
        subprocess.run(["patch", "-p1"], input=captured.out.encode(), cwd=file.parent, check=True)
        assert file.read_text() == CHANGED


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_git_applies_what_is_shown(
    file: Path,
    newline: str,
    mark: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    install(monkeypatch, RIGHT)
    file.write_bytes((mark + SOURCE.replace("\n", newline)).encode())
    assert main(["edit", str(file), "add one"]) == 0
    patch = capsys.readouterr().out.encode()
    command = ["git", "-c", "core.autocrlf=false", "apply", "--whitespace=nowarn"]
    subprocess.run(command, input=patch, cwd=file.parent, check=True)
    assert file.read_bytes() == (mark + CHANGED.replace("\n", newline)).encode()


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_the_change_is_written(file: Path, newline: str, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, RIGHT)
    file.write_bytes(SOURCE.replace("\n", newline).encode())
    assert main(["edit", str(file), "add one", "--write"]) == 0
    assert file.read_bytes() == CHANGED.replace("\n", newline).encode()


def test_what_fails_its_check_is_not_written(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(monkeypatch, WRONG)
    assert main(["edit", str(file), "add one", "--write", "--retries", "0"]) == 1
    captured = capsys.readouterr()
    assert "undefined name 'b'" in captured.err
    assert "+    a += b" in captured.out
    assert file.read_text() == SOURCE


def test_a_change_that_fails_its_tests_is_not_written(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tests = tmp_path / "tests.py"
    for code, exit_code in (("assert f(1) == 3", 1), ("assert f(1) == 2", 0)):
        install(monkeypatch, RIGHT)
        tests.write_text(code)
        assert main(["edit", str(file), "add", "--write", "--tests", str(tests)]) == exit_code
        assert (file.read_text() == CHANGED) is (exit_code == 0)


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read(
    content: bytes | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.py"
    if content:
        path.write_bytes(content)
    assert main(["edit", str(path), "add one"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert "x.py" in captured.err


def test_several_files_one_after_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(monkeypatch, RIGHT)
    names = ("a.py", "sub/b.py", "sub/bad.py")
    (tmp_path / "sub").mkdir()
    for name in names:
        (tmp_path / name).write_text(SOURCE)
    (tmp_path / "sub" / "bad.py").write_text("def g():\n    pass\n" * 900)
    monkeypatch.chdir(tmp_path)
    assert main(["edit", *names, "add one", "--write"]) == 2
    captured = capsys.readouterr()
    assert [line for line in captured.out.splitlines() if line.startswith("+++")] == [
        "+++ b/a.py",
        "+++ b/sub/b.py",
    ]
    assert "error: sub/bad.py: the prompt and the program to change have" in captured.err
    assert (tmp_path / "a.py").read_text() == (tmp_path / "sub/b.py").read_text() == CHANGED


def test_files_that_cannot_be_are_found_before_a_model_is_loaded(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ondevice, "load", None)
    read_only = file.with_name("g.py")
    read_only.write_text(SOURCE)
    read_only.chmod(0o400)
    for arguments, message in (
        ([str(file), str(file.with_name("no.py")), "x"], "no file"),
        ([str(file), str(file), "x"], "is given twice"),
        ([str(file), str(read_only), "x", "--write"], "read-only"),
        (["-", "x", "--write"], "stdin cannot be written"),
        (["-", "-"], "both the program and the prompt"),
        ([str(file), " "], "the prompt is empty; say what to change"),
        ([str(file.parent), "x"], "is a folder"),
    ):
        assert main(["edit", *arguments]) == 2
        captured = capsys.readouterr()
        assert message in captured.err
        assert captured.out == ""
    assert file.read_text() == SOURCE


@pytest.mark.parametrize("format", ["text", "diff"])
def test_stdin(
    format: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(monkeypatch, RIGHT)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(SOURCE.encode())))
    arguments = ["edit", "-", "add one", "--format", format, "--stdin-filename", "in/f.py"]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert out == CHANGED if format == "text" else out.startswith("--- a/in/f.py\n+++ b/in/f.py\n")


def test_json_tells_every_event_and_what_became_of_each_file(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(monkeypatch, RIGHT)
    long = file.with_name("long.py")
    long.write_text(SOURCE * 300)
    arguments = ["edit", str(file), str(long), "add one", "--format", "json", "--write"]
    assert main(arguments) == 2
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {event["type"] for event in events} == {
        *("token", "line", "hunk_applied", "edit_accepted", "done", "file_finished")
    }
    changed, failed = [event for event in events if event["type"] == "file_finished"]
    assert {event["file"] for event in events} == {str(file), str(long)}
    assert changed["complete"] is changed["written"] is True
    assert changed["error"] is None
    assert changed["diff"].startswith("--- a/f.py\n")
    assert failed["complete"] is failed["written"] is False
    assert "tokens" in failed["error"]
    assert next(event for event in events if event["type"] == "done")["text"] == CHANGED


def test_what_was_wrong_before_is_not_held_against_a_change(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = SOURCE + "print(u)\n"
    file.write_text(source)
    install(monkeypatch, RIGHT)
    assert main(["edit", str(file), "x", "--write"]) == 0
    assert file.read_text() == CHANGED + "print(u)\n"
    assert "check, as before the change: line 4: undefined name 'u'" in capsys.readouterr().err
    file.write_text(source)
    install(monkeypatch, WRONG)
    assert main(["edit", str(file), "x", "--write", "--retries", "0"]) == 1
    assert "check: line 2: undefined name 'b'" in capsys.readouterr().err
    assert file.read_text() == source


def test_only_python_is_checked_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, code in (("notes.md", 0), ("notes.py", 1)):
        install(monkeypatch, "@@ -1,0 +2 @@\n+- and this one\n<|diff|>\n<|diff|>")
        (tmp_path / name).write_text("x = 1\n")
        assert main(["edit", str(tmp_path / name), "add", "--retries", "0"]) == code


@pytest.mark.parametrize(("prompt", "note"), [("rename f to g", True), ("add a test", False)])
def test_a_lintseq_model_says_that_it_only_adds(
    prompt: str,
    note: bool,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    install(monkeypatch, RIGHT)
    assert main(["edit", str(file), prompt]) == 0
    assert ("can only add lines" in capsys.readouterr().err) is note
    install(monkeypatch, "\n<|diff|>")
    assert main(["edit", str(file), prompt]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "f.py: no change\n" in captured.err
    assert "can only add lines; what needs lines to change" in captured.err


def test_the_best_of_several_samples(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tests = tmp_path / "tests.py"
    tests.write_text("assert f(1) == 2\n")
    scripts = [RIGHT.replace("+= 1", f"+= {number}") for number in (3, 2, 1)]
    backend = ScriptedBackend("")
    start = len(backend.tokenize(f"add\n<|diff|>{LINTSEQ.write_history(Buffer.from_text(SOURCE))}"))
    wanted = [backend.tokenize(script) for script in scripts]

    def logits(tokens: Sequence[int]) -> NDArray[np.float32]:
        row = np.full(258, -30, dtype=np.float32)
        written = list(tokens[start:])
        for script in wanted:
            if script[: len(written)] == written and len(script) > len(written):
                row[script[len(written)]] = 0
        return row

    model = ondevice.Model(ScriptedBackend(logits, max_sequences=4), name="scripted")
    monkeypatch.setattr(ondevice, "load", lambda *arguments, **options: model)
    arguments = ["--write", "--samples", "40", "--tests", str(tests)]
    assert main(["edit", str(file), "add", *arguments]) == 0
    assert file.read_text() == CHANGED


def test_latin_1_stays_and_the_patch_is_in_it(
    file: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    source = "# coding: latin-1\nx = 'é'\n"
    file.write_bytes(source.encode("latin-1"))
    install(monkeypatch, "@@ -2,0 +3 @@\n+y = 'ö'\n<|diff|>\n<|diff|>")
    assert main(["edit", str(file), "x"]) == 0
    assert "+y = 'ö'\n".encode("latin-1") in capfdbinary.readouterr().out
    install(monkeypatch, "@@ -2,0 +3 @@\n+y = '€'\n<|diff|>\n<|diff|>")
    assert main(["edit", str(file), "x", "--write"]) == 2
    assert b"is in iso-8859-1, which has no" in capfdbinary.readouterr().err
    assert file.read_bytes() == source.encode("latin-1")


def test_a_link_is_followed_and_the_patch_names_what_git_can_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(monkeypatch, RIGHT)
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "f.py").write_text(SOURCE)
    (tmp_path / "f.py").symlink_to("real/f.py")
    monkeypatch.chdir(tmp_path)
    assert main(["edit", "f.py", "add one"]) == 0
    assert capsys.readouterr().out.startswith("--- a/real/f.py\n")


def test_the_change_is_watched_on_a_terminal(file: Path) -> None:
    screen, stderr = Screen(60, 12), io.StringIO()
    console = Console(
        file=screen, width=60, height=12, force_terminal=True, legacy_windows=False, _environ={}
    )
    model = ondevice.Model(ScriptedBackend([WRONG, RIGHT]), name="scripted")
    now = itertools.count()
    with LiveEdit(console, stderr, lambda: float(next(now)), source=SOURCE) as view:
        for event in model.stream("x", source=SOURCE):
            view.show(event)
        assert isinstance(event, Done)
        view.finish(event)
    frames = ["\n".join(frame) for frame in screen.frames]
    assert frames[0].startswith("  1   def f(a):\n  2       return a\n"), "what was there"
    assert any("2 -     a += b\n" in frame for frame in frames), "what is taken back"
    assert any("2 +     a += 1\n  3       return a\n" in frame for frame in frames)
    assert not any(screen.terminal.everything), "the patch follows"
    assert screen.terminal.cursor_visible


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such terminals")
def test_a_real_terminal(file: Path) -> None:
    import pty

    out = b""
    script = f"""
import sys, ondevice
from ondevice.backends.scripted import ScriptedBackend
from ondevice.cli import main
ondevice.load = lambda *_, **__: ondevice.Model(ScriptedBackend({RIGHT!r}), name="scripted")
sys.exit(main(["edit", sys.argv[1], "add one", "--write"]))
"""
    environment = {"TERM": "xterm-256color", "PYTHONPATH": str(Path(__file__).parents[2])}
    main_end, far_end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(file)],
        stdin=far_end,
        stdout=far_end,
        stderr=far_end,
        env={**os.environ, **environment},
    )
    os.close(far_end)
    with contextlib.suppress(OSError):  # how Linux says that nobody writes any more
        while data := os.read(main_end, 4096):
            out += data
    os.close(main_end)
    assert process.wait() == 0
    assert b"\x1b[32m+    a += 1" in out, "in green"
    assert file.read_text() == CHANGED


def test_colors_are_those_of_git() -> None:
    shown = colored("--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n x\n--- y\r\n+\x1b[2J\n")
    styles = {shown.plain[span.start : span.end]: span.style for span in shown.spans}
    assert styles["--- a/f\n"] == "bold"
    assert styles["@@ -1,2 +1,2 @@\n"] == "cyan"
    assert styles["--- y\n"] == "red"
    assert styles["+\ufffd[2J\n"] == "green"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such pipes")
@pytest.mark.parametrize("format", ["diff", "json"])
def test_a_reader_of_stdout_that_goes_away(file: Path, format: str) -> None:
    script = f"""
import sys, ondevice
from ondevice.backends.scripted import ScriptedBackend
from ondevice.cli import main
model = ondevice.Model(ScriptedBackend({RIGHT!r}), name="scripted")
ondevice.load = lambda *arguments, **options: model
sys.stdin.readline()
sys.exit(main(["edit", sys.argv[1], "add one", "--format", {format!r}]))
"""
    with subprocess.Popen(
        [sys.executable, "-c", script, str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        process.stdin.write(b"go\n")
        process.stdin.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


def test_ctrl_c_leaves_the_file(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(tokens: Sequence[int]) -> NDArray[np.float32]:
        raise KeyboardInterrupt

    model = ondevice.Model(ScriptedBackend(interrupted), name="scripted")
    monkeypatch.setattr(ondevice, "load", lambda *arguments, **options: model)
    assert main(["edit", str(file), "add", "--write"]) == 130
    assert capsys.readouterr().err == f"interrupted; {file} is as it was\n"
    assert file.read_text() == SOURCE
