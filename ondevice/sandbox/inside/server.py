"""A worker: forks a process for each program that it is given, and answers with how it went."""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import secrets
import shutil
import signal
import sys
import tempfile
import time
from typing import Any, NoReturn

from ondevice.sandbox.inside import protection, wire
from ondevice.sandbox.inside.child import Task, run
from ondevice.sandbox.inside.judge import judge, killed
from ondevice.sandbox.inside.limits import address_space
from ondevice.sandbox.inside.process import Process, fork

_COMMON = (
    "abc bisect collections contextlib copy csv dataclasses datetime decimal enum fractions "
    "functools hashlib heapq io itertools json math operator os random re resource statistics string "
    "textwrap threading time traceback typing uuid"
).split()


def main() -> NoReturn:
    """Serve until there are no more jobs. Its argument is a JSON object: see ``worker``."""
    settings = json.loads(sys.argv[2])
    sys.argv[:] = [""]
    sys.path += [path for path in settings["path"] if path not in sys.path]
    for name in [*_COMMON, *settings["preload"]]:
        # What is broken or not there is so for the program that imports it, too.
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    server = Server(settings)
    del settings
    task = server.serve()
    del server
    run(task)


class Server:
    """The worker's side of the pipes."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._folder: str = settings["folder"]
        self._native: bool = settings["native"]
        self._requests, self._answers = os.dup(0), os.dup(1)
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        self._nothing = nothing
        self._protected = protection.protect(self._folder, settings["disk"], sys.path)
        self._base = self._protected.base or address_space()
        gc.collect()
        gc.freeze()
        wire.send(self._answers, self._protected.described())

    def serve(self) -> Task:
        """Answer requests; return only in the process of a program, with what that shall do."""
        while True:
            try:
                request = wire.receive(self._requests)
            except EOFError:
                os._exit(0)
            answer = (
                self._judge(request) if request["kind"] == "tests" else self._run_script(request)
            )
            if isinstance(answer, Task):
                return answer
            answer["tired"] = not self._cleared()
            wire.send(self._answers, answer)

    def _judge(self, request: dict[str, Any]) -> dict[str, Any] | Task:
        with _file(request["stdin"]) as given:
            source = given.fileno() if request["stdin"] else self._nothing
            process, task = self._fork(request, (source, self._nothing, self._nothing), True)
        if process is None:
            return task
        # Only now, so that they are not in the memory that the program got.
        tests = wire.receive(self._requests)
        return judge(process, tests, request["limits"])

    def _run_script(self, request: dict[str, Any]) -> dict[str, Any] | Task:
        limits = request["limits"]
        with _file(request["stdin"]) as given, _file("") as stdout, _file("") as stderr:
            streams = (given.fileno(), stdout.fileno(), stderr.fileno())
            start = time.monotonic()
            process, task = self._fork(request, streams, False)
            if process is None:
                return task
            late = process.receive(start + limits["seconds"]) is None
            code = process.end()
            seconds = time.monotonic() - start
            texts = {"stdout": _content(stdout, limits), "stderr": _content(stderr, limits)}
            full = max(os.fstat(file.fileno()).st_size for file in (stdout, stderr))
        found: dict[str, Any] = {"status": "ended", "reason": ""}
        if late:
            found = {"status": "timeout", "reason": ""}
        elif full >= limits["output"]:
            found["status"] = "output"
        elif code < 0:
            found = killed(-code, seconds, limits)
        return {**found, "code": None if late else code, **texts, "seconds": seconds}

    def _fork(
        self, request: dict[str, Any], streams: tuple[int, int, int], judged: bool
    ) -> tuple[Process | None, Task]:
        folder = os.path.join(self._folder, secrets.token_hex(4))
        os.mkdir(folder)
        process, steps, acknowledgments = fork(judged=judged, first=self._protected.first)
        task = Task(
            request["program"],
            request["limits"],
            folder,
            streams,
            steps,
            acknowledgments,
            self._base,
            self._native,
            self._protected.first,
            self._protected.filters,
        )
        if process is None:
            os.set_inheritable(steps, True) if judged else None
            # The files of the streams are closed when the judge's frames go; the task's are not.
            task.streams = tuple(map(os.dup, streams))  # type: ignore[assignment]
        return process, task

    def _cleared(self) -> bool:
        """Remove what the program wrote; False where that is more than can be removed."""
        for name in os.listdir(self._folder):
            path = os.path.join(self._folder, name)
            try:
                os.rmdir(path)
            except OSError:
                with contextlib.suppress(OSError, RecursionError):
                    shutil.rmtree(path, onerror=_insist)
                if os.path.lexists(path):
                    return False
        return True


def _insist(function: Any, path: str, error: Any) -> None:
    os.chmod(os.path.dirname(path), 0o700)
    os.chmod(path, 0o700)
    function(path)


def _file(content: str) -> Any:
    """Return a file in memory, where there is such a thing, that holds the content."""
    if hasattr(os, "memfd_create"):
        file = open(os.memfd_create("stream"), "w+b", buffering=0)  # noqa: SIM115
    else:
        file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
    if content:
        file.write(content.encode("utf-8", "surrogatepass"))
        file.seek(0)
    return file


def _content(file: Any, limits: dict[str, Any]) -> str:
    file.seek(0)
    return str(file.read(limits["output"]).decode("utf-8", "replace"))


signal.signal(signal.SIGINT, signal.SIG_IGN)
