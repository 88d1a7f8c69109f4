"""Runs damaged models through the command line, all in one process, and tells how each ended.

A process of its own, since it gives itself little memory and ends when native code does; each line
that it prints is a JSON object, the first of which a whole model's.
"""

from __future__ import annotations

import contextlib
import faulthandler
import functools
import importlib
import io
import json
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from ondevice.cli import main
from tests.damage.base import Case

SECONDS = 10
ROOM = 2**30


class NativeCodeError(Exception):
    """Native code was about to load a file that must not reach it."""


def run(maker: Any, scratch: Path) -> Iterator[dict[str, object]]:
    whole = Case("whole", lambda folder: None, "either")
    _outcome(maker, whole, scratch)  # imports all that there is
    # To make the commands anew for each case would take four fifths of the time.
    typer.main.get_command = functools.cache(typer.main.get_command)
    _limit_memory()
    for case in (whole, *maker.cases()):
        print(json.dumps({"begun": case.name}), flush=True)
        yield _outcome(maker, case, scratch)


def _outcome(maker: Any, case: Case, scratch: Path) -> dict[str, object]:
    folder = scratch / "model"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    maker.write_whole(folder)
    case.write(folder)
    said = io.StringIO()
    begun = time.monotonic()
    faulthandler.dump_traceback_later(SECONDS, exit=True)
    try:
        with _guarded(case), contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            code: object = main(_arguments(case, str(folder)))
    except BaseException as error:  # a traceback is what must not be
        code = f"{type(error).__name__}: {error}"
    faulthandler.cancel_dump_traceback_later()
    seconds = time.monotonic() - begun
    return {
        "case": case.name,
        "outcome": case.outcome,
        "code": code,
        "said": said.getvalue()[:600],
        "seconds": seconds,
        "memory": _peak_memory(),
    }


def _arguments(case: Case, folder: str) -> list[str]:
    if case.command == "verify":
        return ["models", "verify", folder]
    return ["generate", "write it", "--model", folder, "--max-tokens", "3", "--retries", "0"]


@contextlib.contextmanager
def _guarded(case: Case) -> Iterator[None]:
    """Have native code refuse to load weights where it must not be asked."""
    from ondevice.backends import llama_cpp, onnx

    def refuse(*_: object, **__: object) -> None:
        raise NativeCodeError(case.name)

    class Library:
        def __getattr__(self, name: str) -> Any:
            return getattr(library, name)

    library = llama_cpp.load_library()
    Library.llama_model_load_from_file = staticmethod(refuse)  # type: ignore[attr-defined]
    load, session = llama_cpp.load_library, onnx.onnxruntime.InferenceSession
    if case.outcome == "refused":
        llama_cpp.load_library = Library  # type: ignore[assignment]
        onnx.onnxruntime.InferenceSession = refuse
    try:
        yield
    finally:
        llama_cpp.load_library, onnx.onnxruntime.InferenceSession = load, session


def _limit_memory() -> None:
    with contextlib.suppress(ImportError, OSError):
        import resource

        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        size = pages * resource.getpagesize() + ROOM
        resource.setrlimit(resource.RLIMIT_AS, (size, size))


def _peak_memory() -> int:
    with contextlib.suppress(ImportError):
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    return 0


if __name__ == "__main__":
    for outcome in run(importlib.import_module(f"tests.damage.{sys.argv[1]}"), Path(sys.argv[2])):
        print(json.dumps(outcome), flush=True)
