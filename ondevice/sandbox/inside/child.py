"""The process that one program runs in: made ready, then driven through program and tests.

A program shares this process with what drives it. So nothing here is Python code while the program
runs: the steps are iterators of C, which no frame, trace function or patched name leads to. Each
step comes through a pipe when the one before has been acknowledged, and an acknowledgment needs a
token that only those iterators hold.
"""

from __future__ import annotations

import atexit
import builtins
import contextlib
import ctypes
import functools
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

import _thread

from ondevice.sandbox.inside import seccomp
from ondevice.sandbox.inside.guard import SHIFT, guard
from ondevice.sandbox.inside.limits import CONTROL, limit

FILE = "program.py"
TOKEN = 32
"""Bytes of the token, which comes first; an acknowledgment is these and the step's number."""
STEP = b"%08d"
REPORT = b"!"
"""What a report of a failure begins with, which is JSON."""
_STEPS, _ACKNOWLEDGMENTS = CONTROL, CONTROL + 1
# Looked up now, since the guard refuses it later.
_untrack = ctypes.pythonapi.PyObject_GC_UnTrack
_keep = ctypes.pythonapi.Py_IncRef
_RESTORED = (builtins, math, operator, functools, itertools)


@dataclass(slots=True)
class Task:
    """One run: the program, its limits and folder, and descriptors of what it reads and writes.

    ``steps`` and ``acknowledgments`` are -1 for a script, which runs alone. ``base`` is as
    ``limit`` wants it, ``filters`` which calls to refuse of ``leaving`` and ``processes``. ``grouped``:
    its end does not depend on a process group of its own.
    """

    program: str
    limits: dict[str, Any]
    folder: str
    streams: tuple[int, int, int]
    steps: int
    acknowledgments: int
    base: int
    native: bool
    grouped: bool
    filters: tuple[str, ...] = ()


def run(task: Task) -> NoReturn:
    """Run the program and end this process."""
    judged = task.steps >= 0
    names = _settle(task)
    program = task.program
    del task
    if judged:
        _run_with_tests(program, names)
    _run_script(program, names)


def _settle(task: Task) -> dict[str, Any]:
    """Move into the folder with nothing but the streams; return the program's empty module."""
    if hasattr(os, "setsid"):
        if not task.grouped:
            os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(task.folder)
    os.environ.clear()
    os.environ |= {"HOME": task.folder, "TMPDIR": task.folder, "PATH": "/usr/bin:/bin"}
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    if os.name == "nt":
        os.environ |= {"USERPROFILE": task.folder, "TEMP": task.folder}
    for target, descriptor in enumerate(task.streams):
        os.dup2(descriptor, target)
    if task.steps >= 0:
        os.dup2(task.steps, _STEPS, inheritable=False)
        os.dup2(task.acknowledgments, _ACKNOWLEDGMENTS, inheritable=False)
    os.closerange(3, CONTROL)
    os.closerange(CONTROL + 2 if task.steps >= 0 else CONTROL, 2 * CONTROL)
    sys.stdin = sys.__stdin__ = open(0, encoding="utf-8", errors="surrogateescape")
    sys.stdout = sys.__stdout__ = open(1, "w", encoding="utf-8", errors="surrogateescape")
    sys.stderr = sys.__stderr__ = open(2, "w", encoding="utf-8", errors="backslashreplace")
    sys.argv = [FILE]
    for name in [name for name in sys.modules if name.partition(".")[0] == "ondevice"]:
        del sys.modules[name]
    module = sys.modules["__main__"] = types.ModuleType("__main__")
    if "leaving" in task.filters:
        seccomp.refuse_leaving()
    if "processes" in task.filters:
        seccomp.refuse_processes()
    guard(native=task.native) if task.steps >= 0 else None
    limit(task.limits, task.base)
    return module.__dict__


def _run_with_tests(program: str, names: dict[str, Any]) -> NoReturn:
    names["__builtins__"] = builtins
    try:
        deque(_steps(compile(program, FILE, "exec", dont_inherit=True), names), 0)
    except BaseException as error:
        with contextlib.suppress(BaseException):
            report = json.dumps(_describe(error)).encode()
            os.write(_ACKNOWLEDGMENTS, REPORT + report)
        os._exit(1)
    os._exit(0)


def _steps(program: types.CodeType, names: dict[str, Any]) -> Iterator[Any]:
    """Return an iterator that runs program and tests when it is used up, and acknowledges each.

    Between two steps, what the program may have put into modules that tests rely on is undone, and
    threads that go on are an IndexError.
    """
    token = os.urandom(TOKEN // 2).hex().encode()
    os.write(_ACKNOWLEDGMENTS, token)
    raw = io.FileIO(_STEPS, closefd=False)
    source = io.BufferedReader(raw)
    load = functools.partial(marshal.load, source)
    rest = iter(load, None)
    restored = [_again(dict.update, vars(module), vars(module).copy()) for module in _RESTORED]
    restored.append(_again(dict.__setitem__, names, "__builtins__", builtins))
    restored.append(_again(dict.update, sys.modules, {m.__name__: m for m in _RESTORED}))
    everything = itertools.chain((program,), rest)
    no_threads = map(_hidden((None,).__getitem__), _again(_thread._count))
    numbered = map(operator.mod, _forever(token + STEP), _hidden(itertools.count()))
    written = map(os.write, _forever(_ACKNOWLEDGMENTS), _hidden(numbered))
    steps = map(exec, everything, _forever(names))
    for thing in (raw, source, load, rest, everything, no_threads, written, steps):
        _hidden(thing)
    return _hidden(zip(steps, *restored, no_threads, written, strict=False))


def _again(function: Any, *arguments: Any) -> Iterator[Any]:
    """Call a function each time."""
    return _hidden(itertools.starmap(function, _forever(_hidden(arguments))))


def _forever(value: Any) -> Iterator[Any]:
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
