"""Compares what a function returns with what the reference returned: runs behind the program.

The package does not import this file: its text is the set-up of a job, see ``evalplus``. The
rules are those of EvalPlus 0.3.1, but that a class of the program's own, which could claim to be
equal to anything, is never right, and that lists within lists are compared item by item, where
numpy broadcasts them and refuses those of unequal lengths.
"""

import base64 as _base64
import cmath as _cmath
import math as _math
import pickle as _pickle
import sys as _sys
import time as _time
import typing as _typing
import zlib as _zlib

RELATIVE = 1e-07
FOR_FLOATS = 1e-06
"""Tolerances: the relative one, and the absolute one where floats are expected without any."""


_HEAP_TYPE = 1 << 9


def load_stages(text: str) -> _typing.Any:
    """Return lists of (arguments, expected output, seconds that a call may take)."""
    return _pickle.loads(_zlib.decompress(_base64.b64decode(text)))


def compare(function: _typing.Any, stage: _typing.Any, tolerance: float, rule: str) -> None:
    """Call the function with all arguments; raises AssertionError at the first wrong output."""
    for number, (arguments, expected, seconds) in enumerate(stage):
        started = _time.perf_counter()
        output = function(*arguments)
        taken = _time.perf_counter() - started
        if taken > seconds:
            raise AssertionError(f"input {number} took {taken:.2f} s, more than {seconds:.2f} s")
        if rule != "root" and tolerance == 0 and _of_floats(expected):
            tolerance = FOR_FLOATS  # and so for what follows, as there
        if not _is_right(arguments, output, expected, tolerance, rule):
            raise AssertionError(f"input {number}: returned {repr(output)[:80]}")


def _is_right(
    arguments: _typing.Any,
    output: _typing.Any,
    expected: _typing.Any,
    tolerance: float,
    rule: str,
) -> bool:
    if not _trusted(output):
        return False
    if rule == "root":
        (coefficients,) = arguments
        value = sum(c * _math.pow(output, power) for power, c in enumerate(coefficients))
        return bool(abs(value) <= tolerance)
    if rule == "any":
        return True
    if rule == "or zero" and output == 0:
        return True
    if rule == "set":
        same = set(output) == set(expected)
    elif rule == "not none":
        same = output == expected if isinstance(output, bool) else expected == (output is not None)
    else:
        same = output == expected
    if same or tolerance == 0:
        return bool(same)
    if type(output) is not type(expected):
        return False
    return _close(output, expected, tolerance)


def _close(output: _typing.Any, expected: _typing.Any, tolerance: float) -> bool:
    if isinstance(expected, (list, tuple)):
        return (
            isinstance(output, (list, tuple))
            and len(output) == len(expected)
            and all(
                _close(one, other, tolerance) for one, other in zip(output, expected, strict=True)
            )
        )
    if not isinstance(expected, (int, float, complex)):
        return False
    if output == expected or not (_cmath.isfinite(output) and _cmath.isfinite(expected)):
        return bool(output == expected)
    return bool(abs(output - expected) <= tolerance + RELATIVE * abs(expected))


def _of_floats(value: _typing.Any) -> bool:
    if isinstance(value, (list, tuple)):
        return bool(value) and all(isinstance(item, float) for item in value)
    return isinstance(value, float)


def _trusted(value: _typing.Any) -> bool:
    """Return whether comparing with a value, and with what is in it, runs no code of the program's.

    Such code is met in classes that were made by a class statement (heap types) and that no module
    holds under their name.
    """
    kind = type(value)
    if kind.__flags__ & _HEAP_TYPE:
        home = None if kind.__module__ == "__main__" else _sys.modules.get(kind.__module__)
        if getattr(home, kind.__qualname__, None) is not kind:
            return False
    if kind in (list, tuple, set, frozenset):
        return all(_trusted(item) for item in value)
    if kind is dict:
        return all(_trusted(item) for pair in value.items() for item in pair)
    return True
