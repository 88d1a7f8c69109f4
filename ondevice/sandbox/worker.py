"""One worker from outside: started, asked, and replaced when it is lost."""

from __future__ import annotations

import contextlib
import json
import marshal
import os
import select
import shutil
import signal
import site
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ondevice.errors import CheckError
from ondevice.sandbox.inside import wire

_ROOT = Path(__file__).parent.parent.parent
# The package's own __init__ would bring the whole of it into each program's process.
_BOOT = """
import sys, types
for name in ("ondevice", "ondevice.sandbox"):
    module = sys.modules[name] = types.ModuleType(name)
    module.__path__ = [sys.argv[1] + "/" + name.replace(".", "/")]
from ondevice.sandbox.inside.MODULE import main
main()
"""
_GRACE = 15.0
"""Seconds beyond a program's own in which a worker has to answer."""
_TRIALS = 3


class WorkerLostError(Exception):
    """The worker ended, or does not answer."""


class Worker:
    """A worker process; not for two threads at once. Raises ``CheckError`` if it cannot start."""

    def __init__(self, preload: tuple[str, ...], disk: int, *, native: bool, fork: bool) -> None:
        self._settings = {
            "preload": preload,
            "disk": disk,
            "native": native,
            "path": _packages(),
        }
        self._module = "server" if fork else "spawner"
        self._popen: subprocess.Popen[bytes] | None = None
        self._folder = ""
        self.protections: dict[str, str] = {}

    def start(self) -> None:
        """Start it, if it is not there."""
        if self._popen is not None:
            return
        self._folder = os.path.realpath(tempfile.mkdtemp(prefix="ondevice-"))
        settings = json.dumps({**self._settings, "folder": self._folder})
        boot = _BOOT.replace("MODULE", self._module)
        python = [sys.executable, "-s", "-P", "-B", "-X", "utf8", "-c", boot, str(_ROOT), settings]
        confined, environment = _confined(self._folder)
        self._popen = subprocess.Popen(
            [*confined, *python],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self._folder,
            env=_environment(self._folder) | environment,
            start_new_session=True,
        )
        try:
            self.protections = self._receive(60)
        except WorkerLostError:
            assert self._popen.stderr is not None
            self._kill()
            said = self._popen.stderr.read().decode(errors="replace").strip()
            self.stop()
            last = said.rpartition("\n")[2] or "it said nothing"
            raise CheckError(f"the sandbox cannot start its worker: {last}") from None

    def ask(self, *messages: Any, seconds: float) -> dict[str, Any]:
        """Send messages and return the answer. Raises ``WorkerLostError``; it is stopped then."""
        self.start()
        assert self._popen is not None
        assert self._popen.stdin is not None
        try:
            for message in messages:
                wire.send(self._popen.stdin.fileno(), marshal.dumps(message))
            answer: dict[str, Any] = self._receive(seconds + _GRACE)
        except OSError as error:
            self.stop()
            raise WorkerLostError from error
        except BaseException:  # in the middle of an answer it is of no more use
            self.stop()
            raise
        if answer.get("tired"):
            self.stop()
        return answer

    def stop(self) -> None:
        """End it and all that it started, and remove its folder."""
        if self._popen is None:
            return
        self._kill()
        for pipe in (self._popen.stdin, self._popen.stdout, self._popen.stderr):
            assert pipe is not None
            with contextlib.suppress(OSError):
                pipe.close()
        self._popen = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def _receive(self, seconds: float) -> Any:
        assert self._popen is not None
        assert self._popen.stdout is not None
        source = self._popen.stdout.fileno()
        with _killed_after(seconds, source, self._kill):
            try:
                return json.loads(wire.receive(source))
            except (EOFError, OSError, ValueError) as error:
                raise WorkerLostError from error

    def _kill(self) -> None:
        assert self._popen is not None
        if sys.platform != "win32":
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.kill()
        self._popen.wait()


@contextlib.contextmanager
def _killed_after(seconds: float, source: int, kill: Callable[[], None]) -> Iterator[None]:
    """Kill a worker that does not write to ``source`` in time."""
    if hasattr(select, "poll"):  # a thread for each answer costs as much as the answer
        poll = select.poll()
        poll.register(source, select.POLLIN)
        if not poll.poll(seconds * 1000):
            kill()
        yield
        return
    watch = threading.Timer(seconds, kill)
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()


def _packages() -> list[str]:
    """Return where installed packages lie that programs may import."""
    own = [*site.getsitepackages(), site.getusersitepackages() if site.ENABLE_USER_SITE else ""]
    return [path for path in sys.path if path and path in own]


def _environment(folder: str) -> dict[str, str]:
    kept = ("SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        **dict.fromkeys(("HOME", "TMPDIR", "TEMP", "USERPROFILE"), folder),
        **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
        "PATH": "/usr/bin:/bin",
        "LC_ALL": "C.UTF-8",
        "LD_BIND_NOW": "1",  # once for all, where each fork would look symbols up for itself
        "PYTHONHASHSEED": "0",
    }


def _confined(folder: str) -> tuple[list[str], dict[str, str]]:
    """Return the command that confines another one on macOS, and what to tell that one."""
    tool = shutil.which("sandbox-exec") if sys.platform == "darwin" else None
    if not tool:
        return [], {}
    readable = [folder, sys.prefix, sys.base_prefix, str(_ROOT / "ondevice"), *_packages()]
    allowed = " ".join(f'(subpath "{os.path.realpath(path)}")' for path in readable)
    profile = (
        "(version 1)(allow default)(deny network*)"
        f'(deny file-write*)(allow file-write* (subpath "{folder}") (literal "/dev/null"))'
        '(deny file-read-data (subpath "/Users") (subpath "/Volumes") (subpath "/private/tmp")'
        f' (subpath "/private/var/folders"))(allow file-read-data {allowed})'
    )
    command = [tool, "-p", profile]
    tried = subprocess.run([*command, "/usr/bin/true"], capture_output=True, check=False)
    return (command, {"ONDEVICE_SANDBOX": "sandbox-exec"}) if tried.returncode == 0 else ([], {})
