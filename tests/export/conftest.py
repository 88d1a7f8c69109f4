"""One exported model folder for all tests that only look at it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ondevice.export import ExportReport, export_checkpoint
from tests.checkpoints import PROMPTS, make_checkpoint


@pytest.fixture(scope="session", autouse=True)
def tools() -> Iterator[None]:
    """Skip without the exporters' libraries; keep torch to one thread, which is faster here."""
    for name in ("optimum.exporters.onnx", "gguf", "llama_cpp"):
        pytest.importorskip(name)
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("checkpoint"), padded_vocab=576)


@pytest.fixture(scope="session")
def report(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> ExportReport:
    return export_checkpoint(
        checkpoint,
        tmp_path_factory.mktemp("models") / "model",
        name="random",
        license="Apache-2.0",
        source="tests",
        license_text="the text",
        prompts=PROMPTS,
    )
