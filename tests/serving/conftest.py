"""Servers that the tests of a module share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import ondevice
from tests.serving.running import Running, running, scripted


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running(scripted) as found:
        yield found


@pytest.fixture(scope="module")
def bundled() -> Iterator[Running]:
    with running(lambda: ondevice.load(threads=1)) as found:
        yield found
