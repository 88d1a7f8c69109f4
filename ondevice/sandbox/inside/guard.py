"""What a program may not do in its own interpreter while tests run in it.

An audit hook (PEP 578) cannot be taken out again, whatever a program does to modules and builtins.
"""

from __future__ import annotations

import ctypes
import gc
import sys
import types
from typing import Any

SHIFT = 10_000_000
"""Lines of tests are numbered from here on, so that their frames are told from the program's."""

_WATCHING = {
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
# Ways into the memory of the interpreter.
_NATIVE = {
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
# Interpreters beside this one, which the hook would not hear, and CPython's own test helpers.
_MODULES = {
    "_xxsubinterpreters",
    "_interpreters",
    "_testcapi",
    "_testinternalcapi",
    "_testlimitedcapi",
}
_ATTRIBUTES = {"f_code", "__code__", "__closure__", "tb_frame", "gi_code"}


def guard(*, native: bool) -> None:
    """Refuse, from now on, tracing, foreign frames, the collector's lists and, unless ``native``,
    ctypes; for good in this process and its forks."""
    _hide_frames()
    refused = _WATCHING if native else _WATCHING | _NATIVE
    looking = False

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal looking
        if event in refused or (event == "import" and arguments[0] in _MODULES):
            raise PermissionError(f"{event} is not allowed in the sandbox")
        if event == "sys._getframe":
            if arguments and _of_tests(arguments[0].f_lineno):
                raise ValueError("call stack is not deep enough")
        elif event == "object.__getattr__" and not looking and arguments[1] in _ATTRIBUTES:
            looking = True
            try:
                secret = _is_secret(arguments[0])
            finally:
                looking = False
            if secret:
                raise PermissionError(f"{arguments[1]} of the judge is not to be read")

    sys.addaudithook(hook)


def _is_secret(thing: Any) -> bool:
    """Whether this belongs to the tests, or to this module."""
    if isinstance(thing, types.FrameType):
        return _of_tests(thing.f_lineno)
    if isinstance(thing, types.FunctionType):
        code = thing.__code__
        return code.co_firstlineno >= SHIFT or code.co_filename == __file__
    return False


def _of_tests(line: int | None) -> bool:
    return line is not None and line >= SHIFT


def _hide_frames() -> None:
    """Let no frame of the program lead to one of the tests that called it."""
    attributes = gc.get_referents(types.FrameType.__dict__)[0]
    behind = attributes["f_back"].__get__

    def f_back(frame: types.FrameType) -> types.FrameType | None:
        found = behind(frame)
        return None if found is None or _of_tests(found.f_lineno) else found

    attributes["f_back"] = property(f_back)
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(types.FrameType))
