"""Nothing leaves the machine, and nothing is written but where the user said."""

from __future__ import annotations

import getpass
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.checkpoints import make_checkpoint

# What is known and leaves nothing behind: urllib3 asks at its import whether there is IPv6, by a
# socket on the loopback that nothing ever connects to; torch makes an empty folder for a cache.
KNOWN_NOTES = {"socket.bind [('::1', 0)]"}
KNOWN_FOLDERS = {f"tmp/torchinductor_{getpass.getuser()}"}

ROOT = Path(__file__).parents[1]
WATCHED = Path(__file__).with_name("watched.py")


@dataclass(frozen=True)
class Outcome:
    """What a command did: its exit code and output, what was noted, which files it left."""

    code: int
    stdout: str
    stderr: str
    notes: list[str]
    left: set[str]


class World:
    """A machine of one folder, as far as the environment can pretend: home, caches, temporary
    files and the working directory lie in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home, self.temporary, self.work = (folder / n for n in ("home", "tmp", "work"))
        for path in (self.home, self.temporary, self.work):
            path.mkdir()

    def environment(self) -> dict[str, str]:
        kept = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "LANG", "OMP_NUM_THREADS")
        return {
            **{name: os.environ[name] for name in kept if name in os.environ},
            "HOME": str(self.home),
            "USERPROFILE": str(self.home),
            **{
                f"XDG_{name}": str(self.home / name.lower())
                for name in ("CACHE_HOME", "CONFIG_HOME", "DATA_HOME", "STATE_HOME", "RUNTIME_DIR")
            },
            **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(self.temporary)),
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",  # the interpreter's own cache, beside the sources
        }

    def files(self) -> set[str]:
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*")}

    def run(self, module: str, *arguments: str, wrapper: tuple[str, ...] = ()) -> Outcome:
        notes = self.folder.with_name(f"{self.folder.name}-notes")  # beside what is watched
        notes.unlink(missing_ok=True)
        before = self.files()
        command = [sys.executable, str(WATCHED), str(notes), str(self.folder), module, *arguments]
        done = subprocess.run(
            [*wrapper, *command],
            cwd=self.work,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        noted = notes.read_text().splitlines()
        return Outcome(done.returncode, done.stdout, done.stderr, noted, self.files() - before)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def export(world: World) -> Outcome:
    for name in ("torch", "gguf", "llama_cpp", "optimum.exporters.onnx"):
        pytest.importorskip(name)
    make_checkpoint(world.work / "checkpoint")
    return world.run("ondevice.cli", "export", "checkpoint", "model")


@pytest.fixture(scope="module")
def offline() -> tuple[str, ...]:
    """A command that runs another one without a network, native code included."""
    for wrapper in (("unshare", "-n"), ("unshare", "-rn")):
        if shutil.which("unshare"):
            tried = subprocess.run([*wrapper, "true"], capture_output=True, check=False)
            if tried.returncode == 0:
                return wrapper
    pytest.skip("unshare is not permitted here")


def backend(name: str) -> str:
    if importlib.util.find_spec("llama_cpp" if name == "llama_cpp" else "onnxruntime") is None:
        pytest.skip(f"{name} is not installed")
    return name


def test_export_leaves_the_folder_that_was_named(export: Outcome) -> None:
    assert export.code == 0, export.stderr
    assert set(export.notes) <= KNOWN_NOTES
    names = ("model-q8_0.gguf", "model-f16.gguf", "model-int8.onnx", "model.onnx")
    folder = {"work/model"} | {
        f"work/model/{name}" for name in (*names, "tokenizer.json", "ondevice.json")
    }
    assert export.left - KNOWN_FOLDERS == folder


@pytest.mark.parametrize("name", ["onnx", "llama_cpp"])
def test_generate_leaves_the_file_that_was_named(name: str, world: World, export: Outcome) -> None:
    output = f"by_{name}.py"  # not the name of a module, which it would hide from later runs
    done = world.run(*generate(backend(name)), "--output", output)
    assert done.code in (0, 1), done.stderr  # random weights seldom finish
    assert done.notes == []
    assert done.left == {f"work/{output}"}


@pytest.mark.parametrize("name", ["onnx", "llama_cpp"])
def test_generate_needs_no_network(
    name: str, world: World, export: Outcome, offline: tuple[str, ...]
) -> None:
    online = world.run(*generate(backend(name)))
    done = world.run(*generate(name), wrapper=offline)
    assert done.code == online.code
    assert len(tokens(done)) == 40
    assert tokens(done) == tokens(online)
    assert done.notes == []
    assert done.left == set()


def test_serve_listens_at_the_loopback_alone(world: World) -> None:
    for name in ("prometheus_client", "starlette", "uvicorn"):
        pytest.importorskip(name)
    if not shutil.which("timeout"):
        pytest.skip("nothing here ends a command after a while")
    ended = ("timeout", "--preserve-status", "--signal", "INT", "12")
    done = world.run("ondevice.cli", "serve", "--port", "0", wrapper=ended)
    assert done.code == 0, done.stderr
    assert "is served at http://127.0.0.1:" in done.stderr
    assert done.notes
    assert all("127.0.0.1" in note for note in done.notes)
    cache = "home/cache_home"
    assert done.left <= {cache, f"{cache}/ondevice", f"{cache}/ondevice/probes.json"}


def tokens(done: Outcome) -> list[int]:
    events = map(json.loads, done.stdout.splitlines())
    return [event["id"] for event in events if event["type"] == "token"]


def generate(backend: str) -> list[str]:
    options = ["--model", "model", "--backend", backend, "--max-tokens", "40", "--format", "json"]
    return ["ondevice.cli", "generate", "write fizzbuzz", *options]


@pytest.mark.parametrize("command", [["--help"], ["models", "list"], ["doctor"]])
def test_looking_around_leaves_nothing(command: list[str], world: World) -> None:
    done = world.run("ondevice.cli", *command)
    # The doctor starts a worker of the sandbox, to see what protects this machine from programs.
    worker = [f"subprocess.Popen {sys.executable}"]
    assert done.notes == (worker if command == ["doctor"] else [])
    assert done.left == set()


def test_what_goes_astray_is_noted(world: World, tmp_path: Path) -> None:
    """The watch itself: without this, a hook that sees nothing would pass every test above."""
    (world.work / "astray.py").write_text(
        f"""\
import os, socket, subprocess, sys
from pathlib import Path
outside = Path({str(tmp_path)!r})
outside.joinpath("text").write_text("x")
os.close(os.open(outside / "raw", os.O_CREAT | os.O_WRONLY))
os.mkdir(outside / "folder")
os.rename(outside / "raw", outside / "moved")
Path.home().joinpath(".id").write_text("x")
open(__file__).close()
subprocess.run([sys.executable, "-c", ""])
try:
    socket.create_connection(("127.0.0.1", 1), 1)
except OSError:
    pass
"""
    )
    done = world.run("astray")
    (world.work / "astray.py").unlink()
    assert done.code == 0, done.stderr
    assert done.notes == [
        f"open {tmp_path / 'text'}",
        f"open {tmp_path / 'raw'}",
        f"os.mkdir ['{tmp_path / 'folder'}']",
        f"os.rename ['{tmp_path / 'raw'}', '{tmp_path / 'moved'}']",
        f"subprocess.Popen {sys.executable}",
        "socket.getaddrinfo ['127.0.0.1', 1, 0, 1, 0]",
        "socket.connect [('127.0.0.1', 1)]",
    ]
    assert done.left == {"home/.id"}
    (world.home / ".id").unlink()
