"""The process that one program runs in: made ready, then driven through program and tests.

A program shares this process with what drives it. So nothing here is Python code while the program
runs: the steps are iterators of C, which no frame, trace function or patched name leads to. The
tests come through a pipe when the program has come to its end and this has been acknowledged, and
an acknowledgment needs a token that only those iterators hold.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # without the cost of its enums
import _thread
import atexit
import builtins
import contextlib
import ctypes
import functools
import gc
import io
import itertools
import json
import marshal
import math
import operator
import os
import signal
import sys
import threading
import traceback
import types
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from ondevice.sandbox.inside import seccomp
from ondevice.sandbox.inside.guard import guard, hide_frames
from ondevice.sandbox.inside.limits import CONTROL, SHIFT, limit

FILE = "program.py"
TOKEN = 32
"""Bytes of the token; an acknowledgment is these and the step's number."""
STEP = b"%08d"
REPORT = b"!"
"""What a report of a failure begins with, which is JSON."""
_STEPS, _ACKNOWLEDGMENTS = CONTROL, CONTROL + 1
# Looked up now, since the guard refuses it later.
_untrack = ctypes.pythonapi.PyObject_GC_UnTrack
_keep = ctypes.pythonapi.Py_IncRef
_RESTORED = (builtins, math)


@dataclass(slots=True)
class Task:
    """One run: the program, its prepared limits, and descriptors of what it reads and writes.

    ``streams`` None: a program under tests that is given nothing; else stdin, stdout and stderr.
    ``steps`` and ``acknowledgments`` are -1 for a script, which runs alone.
    """

    program: str
    limits: list[tuple[str, int, int]]
    streams: tuple[int, int, int] | None
    steps: int
    acknowledgments: int


class World:
    """What all programs of a worker find, made once, since each page that a fresh process changes
    has to be copied for it.

    ``folder`` is where they run. ``filters`` are what each process has to put up itself;
    ``grouped``: its end does not depend on a group of its own.
    """

    def __init__(
        self,
        folder: str,
        filters: tuple[bytes, ...],
        *,
        native: bool,
        grouped: bool,
        token: bytes = b"",
    ) -> None:
        self.folder = folder
        self.token = token or os.urandom(TOKEN // 2).hex().encode()
        self._filters = [seccomp.prepared(program) for program in filters]
        # In lists, so that nothing leads to them any more once they have been taken out.
        self._guards = [guard(native=native)]
        self._grouped = grouped
        _make_environment(folder)
        sys.argv[:] = [FILE]
        self._module = types.ModuleType("__main__")
        self._programs: list[types.CodeType | None] = [None]
        self._steps = [_steps(self._programs, vars(self._module), self.token)]
        self._open_streams()
        hide_frames()

    def enter(self) -> None:
        """Leave no trace of the judge in the list of modules; the last thing before programs."""
        for name in [name for name in sys.modules if name.partition(".")[0] == "ondevice"]:
            del sys.modules[name]
        sys.modules["__main__"] = self._module

    def run(self, task: Task) -> NoReturn:
        """Run the program and end this process."""
        judged = task.steps >= 0
        self._settle(task, judged)
        self.token = b""
        if judged:
            _run_with_tests(task.program, self._programs, self._steps)
        _run_script(task.program, vars(self._module))

    def _open_streams(self) -> None:
        sys.stdin = sys.__stdin__ = _stream(0, "r")  # type: ignore[misc]
        sys.stdout = sys.__stdout__ = _stream(1, "w")  # type: ignore[misc]
        sys.stderr = sys.__stderr__ = _stream(2, "w")  # type: ignore[misc]

    def _settle(self, task: Task, judged: bool) -> None:
        """Move into the folder with nothing but the streams, and give up the rest."""
        if hasattr(os, "setsid"):
            if not self._grouped:
                os.setsid()
            _signal.signal(signal.SIGINT, signal.default_int_handler)
        os.chdir(self.folder)
        gc.enable()
        if judged:
            os.dup2(task.steps, _STEPS, inheritable=False)
            os.dup2(task.acknowledgments, _ACKNOWLEDGMENTS, inheritable=False)
        if task.streams:
            for target, descriptor in enumerate(task.streams):
                os.dup2(descriptor, target)
            self._open_streams()
        os.closerange(3, CONTROL)
        os.closerange(CONTROL + 2 if judged else CONTROL, 2 * CONTROL)
        for put_up in self._filters:
            put_up()
        if judged:
            sys.addaudithook(self._guards.pop())
        limit(task.limits)


def _stream(descriptor: int, mode: str) -> Any:
    errors = "backslashreplace" if descriptor == 2 else "surrogateescape"  # as Python's own
    return open(descriptor, mode, encoding="utf-8", errors=errors, closefd=False)


def _make_environment(folder: str) -> None:
    os.environ.clear()
    os.environ |= {"HOME": folder, "TMPDIR": folder, "PATH": "/usr/bin:/bin"}
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    if os.name == "nt":
        os.environ |= {"USERPROFILE": folder, "TEMP": folder}


def _run_with_tests(
    program: str, programs: list[types.CodeType | None], steps: list[Iterator[Any]]
) -> NoReturn:
    try:
        programs[0] = compile(program, FILE, "exec", dont_inherit=True)
        deque(steps.pop(), 0)
    except BaseException as error:
        with contextlib.suppress(BaseException):
            report = json.dumps(_describe(error)).encode()
            os.write(_ACKNOWLEDGMENTS, REPORT + report)
        os._exit(1)
    os._exit(0)


def _steps(programs: list[types.CodeType | None], names: dict[str, Any], token: bytes) -> Any:
    """Return an iterator that runs program and tests when it is used up, and acknowledges each.

    Between two steps, what the program may have put into modules that tests rely on is undone, and
    threads that go on are an IndexError.
    """
    os.dup2(0, _STEPS)  # stands for the pipe that each process will have there
    names["__builtins__"] = builtins
    raw = io.FileIO(_STEPS, closefd=False)
    source = io.BufferedReader(raw)
    load = functools.partial(marshal.load, source)
    rest = iter(load, None)
    restored = [_again(dict.update, vars(module), vars(module).copy()) for module in _RESTORED]
    restored.append(_again(dict.__setitem__, names, "__builtins__", builtins))
    restored.append(_again(dict.update, sys.modules, {m.__name__: m for m in _RESTORED}))
    everything = itertools.chain(_hidden(iter(programs)), rest)
    no_threads = map(_hidden((None,).__getitem__), _again(_thread._count))
    numbered = map(operator.mod, _forever(token + STEP), _hidden(itertools.count()))
    written = map(os.write, _forever(_ACKNOWLEDGMENTS), _hidden(numbered))
    steps = map(exec, everything, _forever(names))
    for thing in (raw, source, load, rest, everything, no_threads, written, steps):
        _hidden(thing)
    return _hidden(zip(steps, *restored, no_threads, written, strict=False))


def _again(function: Any, *arguments: Any) -> Any:
    """Call a function each time."""
    return _hidden(itertools.starmap(function, _forever(_hidden(arguments))))


def _forever(value: Any) -> Any:
    return _hidden(itertools.repeat(value))


def _hidden(thing: Any) -> Any:
    """Take a thing off the collector's lists, so that they do not lead to it."""
    _keep(ctypes.py_object(thing))  # some types cannot be freed off the lists
    _untrack(ctypes.py_object(thing))
    return thing


def _describe(error: BaseException) -> dict[str, Any]:
    """Say what happened and where, in lines of the program and of the test."""
    places = list(traceback.walk_tb(error.__traceback__))
    tests = [line - SHIFT for _, line in places if line >= SHIFT]
    lines = [line for frame, line in places if line < SHIFT and frame.f_code.co_filename == FILE]
    message = traceback.format_exception_only(error)[-1].strip().rpartition("\n")[2]
    if isinstance(error, SyntaxError) and not lines:
        lines = [error.lineno or 1]
    if isinstance(error, IndexError) and not lines and not tests:
        message = "left a thread that goes on"
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if not tests:  # of the program's own there are errors, no failures
        kinds.discard("AssertionError")
    told = ("SystemExit", "MemoryError", "AssertionError")
    return {
        "kind": next((kind for kind in told if kind in kinds), ""),
        "reason": message[:300],
        "line": lines[-1] if lines else None,
        "test_line": tests[-1] if tests else None,
        "code": error.code if isinstance(error, SystemExit) else None,
        "threads": message == "left a thread that goes on",
    }


def _run_script(program: str, names: dict[str, Any]) -> NoReturn:
    """Run as the interpreter would: threads are waited for, exit functions called."""
    code = 0
    try:
        exec(compile(program, FILE, "exec", dont_inherit=True), names)
    except SystemExit as error:
        code = _exit_code(error)
    except BaseException:
        traceback.print_exc()
        code = 1
    with contextlib.suppress(BaseException):
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
    except BaseException:
        code = code or 120  # as the interpreter has it
    with contextlib.suppress(BaseException):
        sys.stderr.flush()
    os._exit(code)


def _exit_code(error: SystemExit) -> int:
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF
    print(error.code, file=sys.stderr)
    return 1
