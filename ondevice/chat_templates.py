"""Chat templates are programs of whoever published a model: run in Jinja's sandbox, and within
bounds of time and memory, which that does not set.

The sandbox keeps a template from what does not belong to it. Here it is kept from going on forever,
and from making texts out of all proportion to what it was given.
"""

from __future__ import annotations

import functools
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence, Sized
from typing import Any

from jinja2 import Template, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

MOST_SECONDS = 5.0
_MOST_TEMPLATE = 2**18
"""Characters of a template; those that are published have a tenth of that."""
_ROOM = 2**18
"""Characters of a value and of all that is put out, beside four times what is given."""
_MOST_RANGE = 10_000
_MOST_BITS = 4096
_FILTERS = (
    *("abs", "batch", "capitalize", "count", "d", "default", "dictsort", "e", "escape", "first"),
    *("float", "indent", "int", "items", "join", "last", "length", "list", "lower", "map", "max"),
    *("min", "reject", "rejectattr", "replace", "reverse", "round", "safe", "select", "selectattr"),
    *("sort", "string", "sum", "title", "trim", "unique", "upper", "wordcount"),
)
_WIDE = re.compile(r"\d{4,}|\*")
"""Of a format: a width that makes much of little, or one that is put in."""
_GROWING = ("translate", "expandtabs", "maketrans", "format", "format_map")
"""Methods of texts whose result cannot be foreseen."""


class _ExcessError(Exception):
    """The template went beyond its bounds."""


def render(source: str, values: Mapping[str, Any]) -> str:
    """Return what a template makes of ``values``.

    Raises whatever Jinja raises, and what a template may raise, which is any exception.
    """
    if len(source) > _MOST_TEMPLATE:
        raise _ExcessError(f"it has {len(source):,} characters")
    environment = _Environment(4 * len(json.dumps(values)) + _ROOM)
    tree = environment.parse(source)
    _count(tree)
    code: Any = environment.compile(tree)
    return Template.from_code(environment, code, environment.globals).render(values)


class _Environment(ImmutableSandboxedEnvironment):
    """As transformers sets it up, but for the present date, which templates may go without: the
    same request is to give the same tokens tomorrow."""

    intercepted_binops = frozenset(("+", "-", "*", "/", "//", "%", "**"))

    def __init__(self, most: int) -> None:
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.loopcontrols"],
            optimized=False,  # which would compute constants out of bounds
            finalize=self._put_out,
        )
        self._most, self._end, self._out = most, time.monotonic() + MOST_SECONDS, 0
        filters = {name: self._bounded(name, self.filters[name]) for name in _FILTERS}
        self.filters = {**filters, "tojson": _to_json}
        names = ("dict", "namespace", "cycler", "joiner")
        self.globals = {name: self.globals[name] for name in names}
        self.globals |= {
            "raise_exception": _refuse,
            "range": _range,
            "_tick": self._tick,
            "_concat": self._concat,
        }

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Compute with what is not too large, and does not become so."""
        self._check_time()
        sizes = [len(v) for v in (left, right) if isinstance(v, Sized)]
        numbers = [v for v in (left, right) if isinstance(v, int)]
        if operator == "*" and sizes and numbers:
            self._check_size(sizes[0] * max(0, numbers[0]))
        elif operator == "+":
            self._check_size(sum(sizes))
        elif operator == "%" and isinstance(left, str):
            self._check_format(left)
            self._check_size(sum(sizes))
        elif operator == "**" and not (isinstance(right, (int, float)) and abs(right) <= 64):
            raise _ExcessError("it computes a power that is too large")
        if any(number.bit_length() > _MOST_BITS for number in numbers):
            raise _ExcessError("it computes with numbers that are too large")
        return super().call_binop(context, operator, left, right)

    def call(self, context: Any, called: Any, /, *arguments: Any, **named: Any) -> Any:
        """Call what does not make much of little."""
        self._check_time()
        self._check_numbers((*arguments, *named.values()))
        owner, name = getattr(called, "__self__", None), getattr(called, "__name__", "")
        if isinstance(owner, str):
            self._foresee(name, owner, arguments)
        result = super().call(context, called, *arguments, **named)
        self._check_size(len(result) if isinstance(result, (str, list, tuple)) else 0)
        return result

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Look up what a dot names."""
        self._check_name(obj, attribute)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Look up what brackets name, which may be an attribute, too."""
        self._check_name(obj, argument)
        return super().getitem(obj, argument)

    def _bounded(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a filter that keeps to the bounds."""

        @functools.wraps(function)  # which also keeps how Jinja is to call it
        def bounded(*arguments: Any, **named: Any) -> Any:
            self._check_time()
            self._check_numbers((*arguments, *named.values()))
            passed = int(hasattr(function, "jinja_pass_arg"))
            before, rest = arguments[:passed], list(arguments[passed:])
            if name == "join":
                rest[0] = list(rest[0])
                self._foresee(name, str(rest[1]) if len(rest) > 1 else "", rest[:1])
            elif name == "replace":
                self._foresee(name, str(rest[0]), [str(argument) for argument in rest[1:3]])
            result = function(*before, *rest, **named)
            self._check_size(len(result) if isinstance(result, (str, list, tuple)) else 0)
            return result

        return bounded

    def _foresee(self, name: str, owner: str, arguments: Sequence[Any]) -> None:
        """Refuse a method of texts that would make one too large."""
        if name == "replace" and len(arguments) > 1:
            old, new = map(str, arguments[:2])
            self._check_size(owner.count(old) * len(new))
        elif name == "join" and arguments and isinstance(arguments[0], (list, tuple)):
            items = arguments[0]
            self._check_size(sum(len(str(item)) for item in items) + len(owner) * len(items))

    def _put_out(self, value: Any) -> Any:
        self._tick(len(str(value)) if isinstance(value, str) else 16)
        return value

    def _tick(self, characters: int) -> str:
        """Account for a step, and the characters that it puts out."""
        self._check_time()
        self._out += characters
        self._check_size(self._out)
        return ""

    def _concat(self, *values: Any) -> str:
        texts = [str(value) for value in values]
        self._check_size(sum(map(len, texts)))
        return "".join(texts)

    def _check_numbers(self, values: Sequence[Any]) -> None:
        self._check_size(max((v for v in values if isinstance(v, int)), default=0))

    def _check_size(self, size: int) -> None:
        if size > self._most:
            raise _ExcessError(f"it makes more of its input than {self._most:,} characters")

    def _check_time(self) -> None:
        if time.monotonic() > self._end:
            raise _ExcessError(f"it takes more than {MOST_SECONDS:.0f} seconds")

    @staticmethod
    def _check_name(obj: Any, name: Any) -> None:
        if isinstance(obj, str) and name in _GROWING:
            raise _ExcessError(f"it uses {name}, which nothing bounds")

    @staticmethod
    def _check_format(text: str) -> None:
        if _WIDE.search(text):
            raise _ExcessError("it fills texts up to a width")


def _count(tree: nodes.Template) -> None:
    """Have the template account for each round of a loop, each macro, and each ``~``."""
    for node in list(tree.find_all((nodes.For, nodes.Macro, nodes.CallBlock))):
        characters = sum(len(data.data) for data in node.find_all(nodes.TemplateData))
        step = nodes.ExprStmt(_call("_tick", [nodes.Const(characters + 1)]))
        node.body.insert(0, step.set_lineno(node.lineno))  # type: ignore[attr-defined]
    _replace_concatenations(tree)
    tree.set_environment(tree.environment)  # type: ignore[arg-type]


def _replace_concatenations(node: nodes.Node) -> None:
    for name, value in list(node.iter_fields()):
        if isinstance(value, list):
            setattr(node, name, [_without_concatenation(item) for item in value])
        else:
            setattr(node, name, _without_concatenation(value))


def _without_concatenation(value: Any) -> Any:
    if not isinstance(value, nodes.Node):
        return value
    _replace_concatenations(value)
    if isinstance(value, nodes.Concat):
        return _call("_concat", value.nodes).set_lineno(value.lineno)
    return value


def _call(name: str, arguments: list[nodes.Expr]) -> nodes.Call:
    return nodes.Call(nodes.Name(name, "load"), arguments, [], None, None)


def _range(*arguments: int) -> range:
    found = range(*arguments)
    if len(found) > _MOST_RANGE:
        raise _ExcessError(f"it counts further than {_MOST_RANGE:,}")
    return found


def _to_json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _refuse(message: str) -> str:
    raise ValueError(message)
