"""A worker for systems that cannot fork: each program gets a new interpreter, and waits for it."""

from __future__ import annotations

import contextlib
import json
import marshal
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from typing import Any, NoReturn

from ondevice.sandbox.inside import protection, wire
from ondevice.sandbox.inside.child import TOKEN
from ondevice.sandbox.inside.judge import judge, script_answer
from ondevice.sandbox.inside.server import cleared

_LATER = 0.02  # seconds between looks at a process that has not ended
_FILES = ("stdin", "stdout", "stderr")


def main() -> NoReturn:
    """Serve until there are no more jobs; the arguments are those of ``server.main``."""
    folder = json.loads(sys.argv[2])["folder"]
    requests, answers = os.dup(0), os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDWR), 1)
    flag = sys.orig_argv.index("-c")
    boot = sys.orig_argv[flag + 1].replace("spawner", "spawned")
    command = [*sys.orig_argv[: flag + 1], boot, *sys.argv[1:]]
    wire.send(answers, json.dumps(protection.limited_only()).encode())
    while True:
        try:
            request = marshal.loads(wire.receive(requests))
        except EOFError:
            os._exit(0)
        os.mkdir(os.path.join(folder, "work"))
        for name in _FILES:
            with open(os.path.join(folder, name), "wb") as file:
                file.write(request["stdin"].encode() if name == "stdin" else b"")
        token = os.urandom(TOKEN // 2).hex()
        process = Spawned(command, {**request, "token": token})
        if request["kind"] == "tests":
            steps = marshal.loads(wire.receive(requests))
            answer = judge(process, steps, request["limits"], token.encode())
        else:
            answer = _run_script(process, folder, request["limits"])
        answer["tired"] = not cleared(folder, keep=_FILES)
        wire.send(answers, json.dumps(answer).encode())


def _run_script(process: Spawned, folder: str, limits: dict[str, Any]) -> dict[str, Any]:
    start = time.monotonic()
    late = process.receive(start + limits["seconds"]) is None
    code = process.end()
    seconds = time.monotonic() - start
    stdout, stderr = (os.path.join(folder, name) for name in _FILES[1:])
    with open(stdout, "rb") as first, open(stderr, "rb") as second:
        return script_answer(first, second, code, seconds, limits, late=late)


class Spawned:
    """A program's interpreter; it is told its task through stdin, then the tests."""

    def __init__(self, command: list[str], request: dict[str, Any]) -> None:
        self._popen = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert self._popen.stdin is not None
        with contextlib.suppress(OSError):
            wire.send(self._popen.stdin.fileno(), marshal.dumps(request))
        self._said: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def receive(self, deadline: float) -> bytes | None:
        """See ``judge.Driven``."""
        while True:
            ended = self._popen.poll() is not None
            if ended:  # what it said is on the way; its own children may keep the pipe open
                self._listener.join(1)
            with contextlib.suppress(queue.Empty):
                return self._said.get(timeout=0 if ended else _LATER)
            if ended:
                return b""
            if time.monotonic() >= deadline:
                return None

    def send(self, data: bytes, deadline: float) -> bool:
        """See ``judge.Driven``; a thread does it, so that it takes no time here."""
        threading.Thread(target=self._write, args=(data,), daemon=True).start()
        return True

    def end(self) -> int:
        """See ``judge.Driven``."""
        if sys.platform == "win32":
            everything = ["taskkill", "/F", "/T", "/PID", str(self._popen.pid)]
            subprocess.run(everything, capture_output=True, check=False)
        else:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.kill()
        return self._popen.wait()

    def _listen(self) -> None:
        assert self._popen.stdout is not None
        with contextlib.suppress(OSError, ValueError):
            while data := os.read(self._popen.stdout.fileno(), 1 << 16):
                self._said.put(data)

    def _write(self, data: bytes) -> None:
        assert self._popen.stdin is not None
        with contextlib.suppress(OSError, ValueError):
            self._popen.stdin.write(data)
            self._popen.stdin.flush()
