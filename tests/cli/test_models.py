from __future__ import annotations

from pathlib import Path

import pytest

from ondevice.catalogue import Manifest, ModelFile, bundled
from ondevice.cli import main
from ondevice.cli.columns import columns, size


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "ondevice" / "models" / "tiny"
    folder.mkdir(parents=True)
    (folder / "model.gguf").write_bytes(b"w" * 2500)
    (folder / "tokenizer.json").write_bytes(b"{}")
    files = (
        ModelFile.measure(folder, "model.gguf", "llama_cpp", "q8_0"),
        ModelFile.measure(folder, "tokenizer.json"),
    )
    template = "{instruction}\n<|diff|>"
    Manifest(
        "tiny", "Small.", "lintseq", template, 512, ("<e>",), "Apache-2.0", "here", 4500000, files
    ).write(folder)
    monkeypatch.setattr(bundled, "_PACKAGE", tmp_path / "ondevice")
    return folder


def test_list(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list"]) == 0
    assert capsys.readouterr().out == (
        "NAME  SIZE    FORMATS         DIALECT  LICENSE     WHERE\n"
        f"tiny  2.5 kB  llama_cpp q8_0  lintseq  Apache-2.0  {tiny}\n"
    )


@pytest.mark.parametrize("by_path", [False, True])
def test_show(tiny: Path, capsys: pytest.CaptureFixture[str], by_path: bool) -> None:
    assert main(["models", "show", str(tiny / "model.gguf") if by_path else "tiny"]) == 0
    out = capsys.readouterr().out
    assert "parameters   4,500,000\n" in out
    assert f"where        {tiny}\n" in out
    assert "model.gguf      2.5 kB  llama_cpp  q8_0          " in out


def test_verify(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "verify"]) == 0
    assert capsys.readouterr().out == "tiny: 2 files, 2.5 kB, all as recorded\n"
    (tiny / "model.gguf").write_bytes(b"v" * 2500)
    (tiny / "tokenizer.json").unlink()
    assert main(["models", "verify", "tiny"]) == 3
    error = capsys.readouterr().err
    assert "model.gguf has another content" in error
    assert "tokenizer.json is missing" in error
    assert error.count("\n") == 1


def test_what_has_no_manifest_cannot_be_shown(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "lone.gguf").touch()
    assert main(["models", "show", str(tmp_path / "lone.gguf")]) == 3
    assert main(["models", "verify", "tinny"]) == 3
    assert "did you mean 'tiny'" in capsys.readouterr().err


def test_columns_align_all_but_the_last() -> None:
    assert columns([("a", "bb", "c"), ("aaa", "b", "a long one")]) == (
        "a    bb  c\naaa  b   a long one"
    )


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (15_600_000, "15.6 MB")]
)
def test_sizes_are_for_people(count: int, text: str) -> None:
    assert size(count) == text
    assert size(3 * 10**12) == "3000.0 GB"
