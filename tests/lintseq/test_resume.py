"""Runs that are killed, and the same run again: nothing is lost, nothing comes twice."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ondevice.errors import DataError
from ondevice.lintseq import refactor_file
from tests.lintseq.conftest import ROOT

needs_kill = pytest.mark.skipif(os.name != "posix", reason="there is no kill -9")
COMMAND = [sys.executable, "-m", "ondevice.cli", "lintseq"]


def write(path: Path, count: int, comment: str = "") -> Path:
    programs = [
        f"def f{number}(a):\n    b = a + {number}\n    return b  # {comment}\n"
        for number in range(count)
    ]
    for number in range(3, count, 11):
        programs[number] = ""
    lines = [json.dumps({"id": number, "program": text}) for number, text in enumerate(programs)]
    path.write_text("\n".join([*lines[:2], "", "", *lines[2:], ""]))
    return path


def content(folder: Path) -> dict[str, bytes]:
    """Return all that stands beside the source."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "in.jsonl"]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def killed_at(call: int, action: Callable[[], object]) -> bool:
    """Run an action in a process that is killed at its so-manieth change of names of files.

    Returns whether it was.
    """
    child = os.fork()
    if child == 0:
        calls = 0

        def deadly(original: Callable[..., Any]) -> Callable[..., Any]:
            def change(*arguments: Any, **options: Any) -> Any:
                nonlocal calls
                calls += 1
                if calls == call:
                    os.kill(os.getpid(), signal.SIGKILL)
                return original(*arguments, **options)

            return change

        for name in ("replace", "rename", "unlink", "rmdir", "mkdir"):
            setattr(os, name, deadly(getattr(os, name)))
        try:
            action()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


@needs_kill
@pytest.mark.parametrize("name", ["out.jsonl", "out.jsonl.gz"])
def test_killed_at_every_change_of_a_file(tmp_path: Path, name: str) -> None:
    calm = tmp_path / "calm"
    calm.mkdir()
    source = write(tmp_path / "in.jsonl", 20)
    refactor_file(source, calm / name, workers=0, part_rows=7)
    call = 1
    while True:
        folder = tmp_path / f"killed{call}"
        folder.mkdir()
        (folder / name).write_text("an earlier one")

        def action(target: Path = folder / name) -> None:
            refactor_file(source, target, workers=0, part_rows=7)

        if not killed_at(call, action):
            break
        action()
        assert content(folder) == content(calm), call
        call += 1
    assert call > 12


def progress_of(target: Path) -> int:
    folder = target.with_name(f".{target.name}.parts")
    return len(list(folder.glob("*.report.json"))) if folder.exists() else 0


def children_of(process: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(process)], capture_output=True, check=False)
    return [int(text) for text in found.stdout.split()]


def is_running(process: int) -> bool:
    found = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False
    )
    return bool(found.stdout.strip()) and not found.stdout.startswith("Z")


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@contextlib.contextmanager
def running(source: Path, target: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    command = [*COMMAND, str(source), str(target), *options]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background jobs ignore Ctrl-C, and so would what they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@needs_kill
@pytest.mark.usefixtures("hostile_linters")
@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet", "out"])
def test_a_killed_command(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if name != "out.jsonl":
        pytest.importorskip("datasets")
    monkeypatch.setenv("HOSTILE", "1")
    calm = tmp_path / "calm"
    calm.mkdir()
    source = write(tmp_path / "in.jsonl", 600, "slow")
    options = ("--linter", "hostile", "--workers", "2")
    target = tmp_path / "killed" / name
    target.parent.mkdir()
    rng = random.Random(0)
    for parts in (0, 1, 3):
        with running(source, target, *options) as process:
            wait_for(lambda parts=parts: progress_of(target) >= parts)  # type: ignore[misc]
            time.sleep(rng.random() / 4)
            workers = children_of(process.pid)
            process.kill()
            process.wait()
        wait_for(lambda workers=workers: not any(map(is_running, workers)))  # type: ignore[misc]
        assert not target.exists()
    with running(source, target, *options) as process:
        assert process.communicate()[1].startswith("600 rows, ")
        assert process.returncode == 0
    refactor_file(source, calm / name, linter="none", workers=0)  # which finds nothing, either
    assert content(target.parent) == content(calm)


@needs_kill
@pytest.mark.usefixtures("hostile_linters")
def test_workers_that_hang_end_with_their_parent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOSTILE", "1")
    source = write(tmp_path / "in.jsonl", 9, "hang")
    with running(
        source, tmp_path / "out.jsonl", "--linter", "hostile", "--workers", "2"
    ) as process:
        wait_for(lambda: bool(children_of(process.pid)))
        workers = children_of(process.pid)
        time.sleep(1)
        process.kill()
    wait_for(lambda: not any(map(is_running, workers)))


@needs_kill
@pytest.mark.usefixtures("hostile_linters")
def test_ctrl_c_says_how_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSTILE", "1")
    source, target = write(tmp_path / "in.jsonl", 700, "slow"), tmp_path / "out.jsonl"
    with running(source, target, "--linter", "hostile", "--workers", "2") as process:
        wait_for(lambda: progress_of(target) >= 1)
        workers = children_of(process.pid)
        process.send_signal(signal.SIGINT)
        error = process.communicate()[1]
    assert (process.returncode, error.splitlines()) == (
        130,
        ["interrupted; the same command goes on where this one stopped"],
    )
    assert workers
    assert not any(map(is_running, workers))


class StoppedError(Exception):
    pass


def stop_after(rows: int) -> Callable[[int, int], None]:
    calls = 0

    def tell(done: int, total: int) -> None:
        nonlocal calls
        calls += 1
        if calls == rows:
            raise StoppedError

    return tell


def interrupted(source: Path, target: Path, **options: Any) -> Path:
    """Leave the whole parts of a run, and return their folder."""
    with pytest.raises(StoppedError):
        refactor_file(source, target, workers=0, part_rows=5, on_progress=stop_after(13), **options)
    return target.with_name(f".{target.name}.parts")


class TestWhatIsLeft:
    def test_whole_parts_are_not_made_again(self, tmp_path: Path) -> None:
        source, target = write(tmp_path / "in.jsonl", 30), tmp_path / "out.jsonl"
        folder = interrupted(source, target)
        assert progress_of(target) == 2
        calls: list[tuple[int, int]] = []
        summary = refactor_file(
            source, target, workers=0, part_rows=5, on_progress=lambda *done: calls.append(done)
        )
        assert len(calls) == 30 - 8  # the first ten lines hold eight rows
        assert (summary.rows, summary.sequences) == (30, 27)
        assert not folder.exists()

    @pytest.mark.parametrize(
        ("options", "message"),
        [({"seed": 2}, "begun with seed 0, which is 2 now"), ({"linter": "none"}, "linter fast")],
    )
    def test_other_settings(self, tmp_path: Path, options: dict[str, Any], message: str) -> None:
        source, target = write(tmp_path / "in.jsonl", 30), tmp_path / "out.jsonl"
        folder = interrupted(source, target)
        with pytest.raises(DataError, match=f"{message}.* --restart, which deletes .*parts"):
            refactor_file(source, target, workers=0, part_rows=5, **options)
        assert progress_of(target) == 2
        refactor_file(source, target, workers=0, part_rows=5, restart=True, **options)
        refactor_file(source, tmp_path / "calm.jsonl", workers=0, **options)
        assert target.read_bytes() == (tmp_path / "calm.jsonl").read_bytes()
        assert not folder.exists()

    def test_another_source(self, tmp_path: Path) -> None:
        source, target = write(tmp_path / "in.jsonl", 30), tmp_path / "out.jsonl"
        interrupted(source, target)
        write(source, 31)
        with pytest.raises(DataError, match="another or a changed source"):
            refactor_file(source, target, workers=0, part_rows=5)

    def test_a_source_that_changes_meanwhile(self, tmp_path: Path) -> None:
        source, target = write(tmp_path / "in.jsonl", 30), tmp_path / "out.jsonl"

        def change(done: int, total: int) -> None:
            os.utime(source, (1, 1))

        with pytest.raises(DataError, match="changed while it was read"):
            refactor_file(source, target, workers=0, on_progress=change)
        assert not target.exists()

    @pytest.mark.parametrize("damage", ["short", "other", "report"])
    def test_damaged_parts_are_made_again(self, tmp_path: Path, damage: str) -> None:
        source, target = write(tmp_path / "in.jsonl", 30), tmp_path / "out.jsonl"
        folder = interrupted(source, target)
        rows = folder / "00000001.jsonl"
        if damage == "report":
            (folder / "00000001.report.json").write_bytes(b"")
        elif damage == "short":
            rows.write_bytes(rows.read_bytes()[:-9])
        else:
            rows.write_bytes(bytes(len(rows.read_bytes())))
            with pytest.raises(DataError, match="is damaged; the same command again"):
                refactor_file(source, target, workers=0, part_rows=5)
        refactor_file(source, target, workers=0, part_rows=5)
        refactor_file(source, tmp_path / "calm.jsonl", workers=0)
        assert target.read_bytes() == (tmp_path / "calm.jsonl").read_bytes()

    def test_two_runs_at_once(self, tmp_path: Path) -> None:
        source, target = write(tmp_path / "in.jsonl", 30), tmp_path / "out.jsonl"
        messages = []

        def again(done: int, total: int) -> None:
            with pytest.raises(DataError) as error:
                refactor_file(source, target, workers=0)
            messages.append(str(error.value))

        assert refactor_file(source, target, workers=0, on_progress=again).rows == 30
        assert "another run writes this output" in messages[0]
