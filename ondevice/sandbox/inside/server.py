"""A worker: forks a process for each program that it is given, and answers with how it went."""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import marshal
import os
import signal
import sys
import time
from collections.abc import Iterable
from typing import Any, NoReturn

from ondevice.sandbox.inside import protection, wire
from ondevice.sandbox.inside.child import Task, World
from ondevice.sandbox.inside.judge import judge, script_answer
from ondevice.sandbox.inside.limits import address_space, prepare
from ondevice.sandbox.inside.process import Process, fork

_COMMON = """
abc bisect collections contextlib copy csv dataclasses datetime decimal enum fractions functools
heapq io itertools json math operator os random re resource statistics string textwrap threading
time traceback typing
"""


def main() -> NoReturn:
    """Serve until there are no more jobs. Its argument is a JSON object: see ``worker``."""
    settings = json.loads(sys.argv[2])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.path += [path for path in settings["path"] if path not in sys.path]
    import_all(settings["preload"])
    server = Server(settings)
    del settings
    task = server.serve()
    world = server.world
    del server
    world.run(task)


def import_all(names: Iterable[str]) -> None:
    """Import what programs often need, and these names."""
    for name in [*_COMMON.split(), *names]:
        # What is broken or not there is so for the program that imports it, too.
        with contextlib.suppress(Exception):
            importlib.import_module(name)


class Server:
    """The worker's side of the pipes."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._folder: str = settings["folder"]
        self._requests, self._answers = os.dup(0), os.dup(1)
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        protected = protection.protect(self._folder, settings["disk"], sys.path)
        self._first = protected.first
        self._base = protected.base or address_space()
        self._work = os.path.join(self._folder, "work")
        self.world = World(
            self._work,
            protected.filters,
            native=settings["native"],
            grouped=protected.first,
        )
        self.world.enter()
        gc.collect()
        gc.freeze()
        gc.disable()  # here alone: it would touch pages, each of which then has to be copied
        wire.send(self._answers, json.dumps(protected.how).encode())

    def serve(self) -> Task:
        """Answer requests; return only in the process of a program, with what that shall do."""
        while True:
            try:
                request = marshal.loads(wire.receive(self._requests))
            except EOFError:
                os._exit(0)
            answer = (
                self._judge(request) if request["kind"] == "tests" else self._run_script(request)
            )
            if isinstance(answer, Task):
                return answer
            answer["tired"] = not cleared(self._folder)
            wire.send(self._answers, json.dumps(answer).encode())

    def _judge(self, request: dict[str, Any]) -> dict[str, Any] | Task:
        with _file(request["stdin"]) if request["stdin"] else contextlib.nullcontext() as given:
            streams = (given.fileno(), 1, 2) if given else None
            process, task = self._fork(request, streams, judged=True)
            if process is None:
                return task
        # Only now, so that they are not in the memory that the program got.
        steps = marshal.loads(wire.receive(self._requests))
        return judge(process, steps, request["limits"], self.world.token)

    def _run_script(self, request: dict[str, Any]) -> dict[str, Any] | Task:
        limits = request["limits"]
        with _file(request["stdin"]) as given, _file("") as stdout, _file("") as stderr:
            streams = (given.fileno(), stdout.fileno(), stderr.fileno())
            start = time.monotonic()
            process, task = self._fork(request, streams, judged=False)
            if process is None:
                return task
            late = process.receive(start + limits["seconds"]) is None
            code = process.end()
            seconds = time.monotonic() - start
            return script_answer(stdout, stderr, code, seconds, limits, late=late)

    def _fork(
        self, request: dict[str, Any], streams: tuple[int, int, int] | None, *, judged: bool
    ) -> tuple[Process | None, Task]:
        os.mkdir(self._work)
        limits = prepare(request["limits"], self._base)
        process, steps, acknowledgments = fork(judged=judged, first=self._first)
        if process is None and streams:
            # The files are closed when the judge's frames go.
            first, second, third = streams
            streams = os.dup(first), os.dup(second), os.dup(third)
        return process, Task(request["program"], limits, streams, steps, acknowledgments)


def cleared(folder: str, keep: tuple[str, ...] = ()) -> bool:
    """Remove what a program wrote; return False where that is more than can be removed."""
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if name in keep:
            continue
        try:
            os.rmdir(path)
        except OSError:
            with contextlib.suppress(OSError, RecursionError):
                _insist(path)
            if os.path.lexists(path):
                return False
    return True


def _insist(path: str) -> None:
    if not os.path.isdir(path) or os.path.islink(path):
        os.remove(path)
        return
    os.chmod(path, 0o700)
    for folder, folders, _ in os.walk(path):
        for name in folders:
            inner = os.path.join(folder, name)
            if not os.path.islink(inner):
                os.chmod(inner, 0o700)
    import shutil  # here, since each library that it brings makes each fork slower

    shutil.rmtree(path)


def _file(content: str) -> Any:
    """Return a file in memory, where there is such a thing, that holds the content."""
    if hasattr(os, "memfd_create"):
        file = open(os.memfd_create("stream"), "w+b", buffering=0)  # noqa: SIM115
    else:
        import tempfile  # as above

        file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
    if content:
        file.write(content.encode("utf-8", "surrogatepass"))
        file.seek(0)
    return file
