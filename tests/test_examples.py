"""The examples in the documentation of the public names: each has one, and each runs."""

from __future__ import annotations

import asyncio
import contextlib
import doctest
import inspect
from collections.abc import Iterator
from typing import Any

import pytest

import ondevice
from ondevice import asynchronous, loading, model, replay, results

MODULES = [
    ondevice,
    loading,
    model,
    asynchronous,
    replay,
    results,
    ondevice.events,
    ondevice.errors,
]
EXAMPLES = {
    test.name: test
    for module in MODULES
    for test in doctest.DocTestFinder().find(module, f"{module.__name__}")
    if test.examples
}


@pytest.fixture(scope="module")
def names() -> Iterator[dict[str, Any]]:
    """What examples may use without a word."""
    with ondevice.load() as loaded:
        modules = {"ondevice": ondevice, "asyncio": asyncio, "contextlib": contextlib}
        yield {**vars(ondevice.events), **modules, "model": loaded}


@pytest.mark.parametrize("name", EXAMPLES)
def test_it_runs(name: str, names: dict[str, Any]) -> None:
    test = EXAMPLES[name]
    test.globs = dict(names)
    runner = doctest.DocTestRunner(
        optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.FAIL_FAST
    )
    out: list[str] = []
    runner.run(test, out=out.append, clear_globs=False)
    assert not runner.summarize(verbose=False).failed, "".join(out)


def public() -> Iterator[tuple[str, Any]]:
    for name in ondevice.__all__:
        if not isinstance(getattr(ondevice, name), str):
            yield name, getattr(ondevice, name)
    for name, member in inspect.getmembers_static(ondevice.Model):
        if not name.startswith("_"):
            yield f"Model.{name}", member


PUBLIC = dict(public())


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_has_one(name: str) -> None:
    assert ">>> " in (inspect.getdoc(PUBLIC[name]) or "")


def test_every_event_and_error_is_documented() -> None:
    for module in (ondevice.events, ondevice.errors):
        for name, value in vars(module).items():
            if inspect.isclass(value) and value.__module__ == module.__name__:
                assert value.__doc__, name


def test_all_of_it_is_typed() -> None:
    for thing in PUBLIC.values():
        function = thing.fget if isinstance(thing, property) else thing
        if inspect.isfunction(function):
            signature = inspect.signature(function)
            parameters = signature.parameters.values()
            assert [p.name for p in parameters if p.annotation is p.empty] in ([], ["self"])
            assert signature.return_annotation is not signature.empty
