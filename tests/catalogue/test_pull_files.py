"""Which of a repository's files ``ondevice models pull`` takes, and where they come to lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.damage.gguf import Gguf
from tests.hub.server import Hub

from .conftest import NAME, SMALL, Run


def folder(data: Path) -> Path:
    return data / "models" / "org--model"


def test_quantizations_and_files_are_models_of_their_own(hub: Hub, run: Run, data: Path) -> None:
    hub.files = {f"m-{name}.gguf": SMALL for name in ("Q8_0", "Q4_K_M", "f16")}
    assert run("models", "pull", NAME).code == 0
    assert run("models", "pull", NAME, "--quantize", "Q8_0").code == 0
    assert run("models", "pull", f"{NAME}:m-f16.gguf").code == 0
    listed = run("models", "list").out
    for name, quantization in (("", "q4_k_m"), (":q8_0", "q8_0"), (":m-f16.gguf", "f16")):
        (line,) = (row for row in listed.splitlines() if row.startswith(f"{NAME}{name} "))
        assert f"llama_cpp {quantization}" in line


def test_a_split_file_comes_whole(hub: Hub, run: Run, data: Path) -> None:
    parts = [f"q8_0/m-q8_0-0000{part}-of-00002.gguf" for part in (1, 2)]
    entry = {"split__count": (2, (2).to_bytes(2, "little"))}
    hub.files = dict(zip(parts, (Gguf().having(**entry).encode(), SMALL), strict=True))
    assert run("models", "pull", NAME).code == 0
    assert len([*folder(data).glob("*.gguf")]) == 2
    assert run("models", "verify", NAME).out.startswith(f"{NAME}: 2 files")
    assert "parameters   37,184" in run("models", "show", NAME).out


@pytest.mark.parametrize(
    "path", ["../../escape-q8_0.gguf", "/tmp/escape-q8_0.gguf", "a\\..\\q8_0.gguf"]
)
def test_a_hostile_path_leads_nowhere(hub: Hub, run: Run, data: Path, path: str) -> None:
    hub.files = {path: SMALL}
    run("models", "pull", NAME)
    outside = [p for p in data.parent.rglob("*.gguf") if folder(data).parent not in p.parents]
    assert outside == []
    assert not Path("/tmp/escape-q8_0.gguf").exists()


@pytest.mark.parametrize("name", ["tiny", "nothing", "../x", "a/b/c", "org/..", "org/m:../x.gguf"])
def test_what_cannot_be_pulled(hub: Hub, run: Run, name: str) -> None:
    assert run("models", "pull", name).code == 2
    assert hub.requests == []
