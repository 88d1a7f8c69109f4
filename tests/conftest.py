"""What all tests need: folders that are not the user's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="session")
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what is measured of this machine, and models, for the session alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ONDEVICE_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("ONDEVICE_DATA", str(tmp_path_factory.mktemp("data")))
        yield
