"""What a program may not do in its own interpreter while tests run in it.

An audit hook (PEP 578) cannot be taken out again, whatever a program does to modules and builtins.
"""

from __future__ import annotations

import ctypes
import functools
import gc
import types
from collections.abc import Callable
from typing import Any

from ondevice.sandbox.inside.limits import SHIFT

_WATCHING = frozenset(
    {
        "sys.settrace",
        "sys.setprofile",
        "sys.addaudithook",
        "sys._current_frames",
        "sys._current_exceptions",
        "sys.monitoring.register_callback",
        "sys.remote_exec",
        "gc.get_objects",
        "gc.get_referrers",
        "gc.get_referents",
        "cpython.remote_debugger_script",
    }
)
# Ways into the memory of the interpreter.
_NATIVE = frozenset(
    {
        "ctypes.dlopen",
        "ctypes.dlsym",
        "ctypes.dlsym/handle",
        "ctypes.addressof",
        "ctypes.cdata",
        "ctypes.cdata/buffer",
        "ctypes.string_at",
        "ctypes.wstring_at",
        "ctypes.call_function",
        "ctypes.create_string_buffer",
        "ctypes.PyObj_FromPtr",
        "code.__new__",
    }
)
# Interpreters beside this one, which the hook would not hear, and CPython's own test helpers.
_MODULES = frozenset(
    {
        "_xxsubinterpreters",
        "_interpreters",
        "_testcapi",
        "_testinternalcapi",
        "_testlimitedcapi",
    }
)
_ATTRIBUTES = frozenset({"f_code", "__code__", "__closure__", "tb_frame", "gi_code"})


Hook = Callable[[str, tuple[Any, ...]], None]


def guard(*, native: bool) -> Hook:
    """Return an audit hook that refuses tracing, foreign frames, the collector's lists and, unless
    ``native``, ctypes; once added, for good in a process and its forks."""
    return _hook(_WATCHING if native else _WATCHING | _NATIVE)


def hide_frames() -> None:
    """Let no frame of a program lead to one of the tests that called it."""
    attributes = gc.get_referents(types.FrameType.__dict__)[0]
    # Wrapped in what does not tell what it wraps.
    wrap: Any = vars(functools)["_lru_cache_wrapper"]
    wrapped = wrap(_back(attributes["f_back"].__get__), 0, False, tuple)
    attributes["f_back"] = property(wrapped)
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(types.FrameType))


def _hook(refused: frozenset[str]) -> Hook:
    # A program may change every builtin and every module; what is bound here it cannot.
    modules, attributes, file, shift = _MODULES, _ATTRIBUTES, __file__, SHIFT
    of_class, frame_type, function_type = isinstance, types.FrameType, types.FunctionType
    not_allowed, wrong = PermissionError, ValueError
    looking = False

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal looking
        if event in refused or (event == "import" and arguments[0] in modules):
            raise not_allowed(f"{event} is not allowed in the sandbox")
        if event == "sys._getframe":
            if arguments and (arguments[0].f_lineno or 0) >= shift:
                raise wrong("call stack is not deep enough")
        elif event == "object.__getattr__" and not looking and arguments[1] in attributes:
            thing = arguments[0]
            secret = False
            if of_class(thing, frame_type):
                secret = (thing.f_lineno or 0) >= shift
            elif of_class(thing, function_type):
                looking = True
                try:
                    code = thing.__code__
                finally:
                    looking = False
                secret = code.co_firstlineno >= shift or code.co_filename == file
            if secret:
                raise not_allowed(f"{arguments[1]} of the judge is not to be read")

    return hook


def _back(behind: Callable[[Any], Any]) -> Callable[[Any], types.FrameType | None]:
    shift, anything = SHIFT, BaseException

    def f_back(frame: Any) -> types.FrameType | None:
        try:
            found: types.FrameType | None = behind(frame)
            return None if found is None or (found.f_lineno or 0) >= shift else found
        except anything:  # else its traceback would lead here
            return None

    return f_back
