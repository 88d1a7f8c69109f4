"""Families of tasks: templates from which many programs of one kind, and requests for them, come.

A file of families is TOML; ``models/families/README.md`` describes its keys. A draw fixes every
slot; what the calls give is not written down but computed, by all programs of the family alike.
"""

from __future__ import annotations

import ast
import contextlib
import io
import random
import re
import string
import sys
import tomllib
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ondevice.errors import DataError


@dataclass(frozen=True, slots=True)
class Family:
    """One family as its file states it; texts hold ``$slot`` where a draw fills something in."""

    id: str
    asks: tuple[str, ...]
    programs: tuple[str, ...]
    entry: tuple[str, ...] = ()
    """Names of the function or class; none for a script."""
    signature: str = ""
    """From the parenthesis on, typed: ``(numbers: list[int]) -> int``."""
    doc: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    """Expressions whose values are worth showing, and on which the programs must agree."""
    tests: tuple[str, ...] = ()
    """Statements that must hold, as they stand."""
    stdin: tuple[str, ...] = ("",)
    slots: Mapping[str, tuple[str, ...]] | None = None
    cases: tuple[Mapping[str, str], ...] = ()
    """Slots that are drawn together: one of these."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """One draw: a program, ways to ask for it, and what judges it.

    ``examples`` are pairs of a call and the text of its value. For a script (``entry_point``
    None) they are pairs of input and output.
    """

    id: str
    entry_point: str | None
    signature: str
    doc: str
    asks: tuple[str, ...]
    programs: tuple[str, ...]
    examples: tuple[tuple[str, str], ...]
    tests: tuple[str, ...]


def read_families(folder: Path) -> list[Family]:
    """Read all files of families in a folder.

    Raises ``DataError`` that names the file and the family.
    """
    families = [family for file in sorted(folder.glob("*.toml")) for family in read_file(file)]
    if not families:
        raise DataError(f"there are no families (*.toml) in {folder}")
    return families


def read_file(path: Path) -> list[Family]:
    """Read one file of families. Raises ``DataError`` that names the file and the family."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DataError(f"{path} is no readable TOML file: {error}") from error
    return [_family(path, name, value) for name, value in content.items()]


_KEYS = frozenset(Family.__dataclass_fields__) - {"id"}


def _family(path: Path, name: str, value: Any) -> Family:
    where = f"{path}: {name}"
    if not isinstance(value, dict):
        raise DataError(f"{where} must be a table")
    if unknown := sorted(value.keys() - _KEYS):
        raise DataError(f"{where} has no key {unknown[0]!r}; it has {', '.join(sorted(_KEYS))}")
    try:
        lists = {key: tuple(value[key]) for key in _KEYS & value.keys() - {"signature", "slots"}}
        slots = {key: tuple(values) for key, values in value.get("slots", {}).items()}
        family = Family(
            f"{path.stem}/{name}", signature=value.get("signature", ""), slots=slots, **lists
        )
    except TypeError as error:
        raise DataError(f"{where}: {error}") from error
    if not (family.calls or family.tests) and family.entry:
        raise DataError(f"{where} needs calls or tests to be judged by")
    return family


def draw(family: Family, rng: random.Random) -> Drawn:
    """Fill every slot by ``rng``, and compute what the calls give.

    Raises ``DataError`` when a slot is missing, a program fails, or two programs disagree.
    """
    slots = {name: rng.choice(values) for name, values in (family.slots or {}).items()}
    slots |= rng.choice(family.cases) if family.cases else {}
    entry = rng.choice(family.entry) if family.entry else None
    slots |= {"entry": entry} if entry else {}
    typed = bool(family.signature) and rng.random() < 0.5
    try:
        signature = _fill(family.signature, slots)
        doc = _fill(rng.choice(family.doc), slots) if family.doc else ""
        slots["signature"] = signature if typed else untyped(signature)
        shown = doc if rng.random() < 0.4 else ""
        programs = tuple(_program(text, slots, shown) for text in family.programs)
        asks = tuple(_fill(text, slots) for text in family.asks)
        tests = tuple(_fill(text, slots) for text in family.tests)
        calls = [_fill(text, slots) for text in (family.calls if entry else family.stdin)]
    except (KeyError, ValueError) as error:
        raise DataError(f"{family.id}: no such slot or a lone $: {error}") from error
    results = [_results(family.id, program, calls, tests, entry) for program in programs]
    for number, result in enumerate(results):
        if result != results[0]:
            raise DataError(
                f"{family.id}: programs 0 and {number} disagree, {results[0]} and {result}; "
                f"with {slots}"
            )
    examples = tuple(zip(calls, results[0], strict=True))
    return Drawn(
        family.id, entry, slots["signature"] if entry else "", doc, asks, programs, examples, tests
    )


def untyped(signature: str) -> str:
    """Return a signature without its annotations: ``(numbers)`` for ``(numbers: list) -> int``."""
    if not signature:
        return signature
    function = ast.parse(f"def f{signature}: pass").body[0]
    assert isinstance(function, ast.FunctionDef)
    arguments = function.args
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        argument.annotation = None
    for extra in (arguments.vararg, arguments.kwarg):
        if extra:
            extra.annotation = None
    return f"({ast.unparse(arguments)})"


def _fill(text: str, slots: Mapping[str, str]) -> str:
    # A slot's value may hold slots itself.
    for _ in range(4):
        if "$" not in text:
            break
        text = string.Template(text).substitute(slots)
    return text


_DOC_LINE = re.compile(r"^([ \t]*)\$doc\n", re.MULTILINE)


def _program(text: str, slots: Mapping[str, str], doc: str) -> str:
    line = (lambda found: f'{found[1]}"""{doc}"""\n') if doc else ""
    return _fill(_DOC_LINE.sub(line, text.strip("\n") + "\n"), slots)


def _results(
    name: str, program: str, calls: list[str], tests: tuple[str, ...], entry: str | None
) -> list[str]:
    """Run a program of ours in this process, and return what its calls give, as texts."""
    try:
        code = compile(program, name, "exec")
        if entry is None:
            return [_printed(code, stdin) for stdin in calls]
        with contextlib.redirect_stdout(io.StringIO()):
            names = _namespace(code)
            if entry not in names:
                raise DataError(f"the program defines no {entry}")
            for test in tests:
                exec(compile(test, name, "exec"), dict(names))
            return [repr(eval(call, dict(names))) for call in calls]
    except DataError as error:
        raise DataError(f"{name}: {error}; in\n{program}") from error
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise DataError(f"{name}: {reason}; in\n{program}") from error


def _namespace(code: Any) -> dict[str, Any]:
    """Run code as a module, which is where dataclasses look themselves up."""
    module = types.ModuleType("family")
    sys.modules[module.__name__] = module
    try:
        exec(code, module.__dict__)
    finally:
        del sys.modules[module.__name__]
    return module.__dict__


def _printed(code: Any, stdin: str) -> str:
    output = io.StringIO()
    before = sys.stdin
    sys.stdin = io.StringIO(stdin)
    try:
        with contextlib.redirect_stdout(output), contextlib.suppress(SystemExit):
            exec(code, {"__name__": "__main__"})
    finally:
        sys.stdin = before
    return output.getvalue()


def wordings(drawn: Drawn, rng: random.Random) -> Iterator[str]:
    """Yield the ways to ask for a draw: those written by hand, and those made of its examples."""
    yield from drawn.asks
    if drawn.entry_point is None or not drawn.doc:
        return
    head = f"{drawn.entry_point}{drawn.signature}"
    shown = [pair for pair in drawn.examples if len(pair[0]) + len(pair[1]) < 70]
    rng.shuffle(shown)
    if shown:
        examples = "".join(
            f"    >>> {call}\n    {value}\n" for call, value in shown[: rng.choice((1, 2, 2, 3))]
        )
        yield f'def {head}:\n    """{drawn.doc}\n\n{examples}    """\n'
        call, value = shown[0]
        sentence = _imperative(drawn.doc)
        yield f"{sentence}\n\nassert {call} == {value}"
        yield f"{sentence} Your code should pass this test: assert {call} == {value}"
        yield f"{drawn.entry_point}: {drawn.doc} For example, {call} returns {value}."
    yield f'def {head}:\n    """{drawn.doc}"""\n'


def _imperative(doc: str) -> str:
    body = doc[0].lower() + doc[1:]
    return f"Write a python function to {body}"
