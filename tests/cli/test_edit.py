"""``ondevice edit`` on the real engine, with a scripted backend in place of weights."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

import ondevice
from ondevice.backends.scripted import ScriptedBackend
from ondevice.cli import main

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
