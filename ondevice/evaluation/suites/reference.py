"""Runs a reference on its inputs and prints what is expected: a program for the sandbox.

This file is not imported by the package: its text is that of the program, see ``evalplus``.
"""

import base64
import contextlib
import copy
import io
import json
import pickle
import time
import zlib
from typing import Any

inf, nan = float("inf"), float("nan")  # as they are written in the inputs


def main(
    program: str, inputs: Any, entry_point: str, only_none: bool, slower: float, least: float
) -> None:
    """Print the stages as text for ``oracle.load_stages``, and the seconds all calls may take."""
    names: dict[str, Any] = {"__name__": "reference"}
    stages, total = [], 0.0
    with contextlib.redirect_stdout(io.StringIO()):
        exec(program, names)
        for arguments in inputs:
            stage = [called(names[entry_point], one, only_none) for one in arguments]
            stage = [(one, out, max(least, slower * seconds)) for one, out, seconds in stage]
            total += sum(seconds for *_, seconds in stage)
            stages.append(base64.b64encode(zlib.compress(pickle.dumps(stage))).decode())
    print(json.dumps({"stages": stages, "seconds": total}))


def called(function: Any, arguments: Any, only_none: bool) -> tuple[Any, Any, float]:
    """Return the arguments, the output (or whether it is not None), and the seconds of a call."""
    given = copy.deepcopy(arguments)
    started = time.perf_counter()
    output = function(*given)
    seconds = time.perf_counter() - started
    return arguments, output is not None if only_none else output, seconds
