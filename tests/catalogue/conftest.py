from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ondevice.catalogue import Manifest, ModelFile, bundled
from tests.damage.gguf import Gguf
from tests.hub.machine import Machine, Ran
from tests.hub.server import Hub, serve

MakeModel = Callable[[Path], Path]


@pytest.fixture
def make_model() -> MakeModel:
    def make(folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.gguf").write_bytes(b"weights")
        file = ModelFile.measure(folder, "model.gguf", "llama_cpp", "q8_0")
        template = "{instruction}\n<|diff|>"
        Manifest(
            folder.name, "A model.", "lintseq", template, 64, ("<e>",), "MIT", "here", 1, (file,)
        ).write(folder)
        return folder

    return make


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_model: MakeModel) -> Path:
    """A package that was installed with one bundled model; its folder."""
    package = tmp_path / "site-packages" / "ondevice"
    make_model(package / "models" / "tiny")
    monkeypatch.setattr(bundled, "_PACKAGE", package)
    return package


FILE = "model-q4_k_m.gguf"
NAME = "org/model"
SMALL = Gguf().encode()
Run = Callable[..., Ran]


@pytest.fixture(scope="module")
def place() -> Iterator[Hub]:
    with serve(Hub(NAME, {})) as hub:
        yield hub


@pytest.fixture(scope="module")
def machine(place: Hub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    started = Machine(place.endpoint, tmp_path_factory.mktemp("home"))
    yield started
    started.kill()


@pytest.fixture
def hub(place: Hub) -> Hub:
    """The hub, as if nothing had gone wrong with it."""
    endpoint = place.endpoint
    place.__init__(NAME, {FILE: SMALL, "README.md": b"A model."})  # type: ignore[misc]
    place.endpoint = endpoint
    return place


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def run(machine: Machine, data: Path) -> Callable[..., Ran]:
    """Runs a command with an empty place for models."""
    return lambda *arguments, **more: machine.run(
        *arguments, **({"ONDEVICE_DATA": str(data)} | more)
    )
