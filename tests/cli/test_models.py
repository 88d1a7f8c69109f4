from __future__ import annotations

import io
import re
import shutil
from pathlib import Path

import pytest

from ondevice.catalogue import Manifest, ModelFile, bundled
from ondevice.cli import main
from ondevice.cli.columns import columns, size
from ondevice.probing import Probes
from tests.damage.gguf import Gguf


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
    here, known = capsys.readouterr().out.split("\n\n")
    assert here == (
        "NAME  SIZE    FORMATS         DIALECT  LICENSE     WHERE\n"
        f"tiny  2.5 kB  llama_cpp q8_0  lintseq  Apache-2.0  {tiny}"
    )
    assert known.startswith("TO BE PULLED ")
    assert re.search(r"\ntinycodelm-150m +150 M +export +lintseq +apache-2.0 +upiter/", known)
    assert re.search(r"\nllama-3.2-1b +1230 M +export +unified +llama3.2 \(to be accepted\)", known)


def test_show_a_known_model_that_is_not_here(
    tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "show", "qwen2.5-coder-0.5b"]) == 0
    out = capsys.readouterr().out
    assert "source       Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF@main\n" in out
    assert "ondevice models pull qwen2.5-coder-0.5b" in out


def test_show_a_lone_gguf_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "lone-Q5_K_M.gguf").write_bytes(Gguf().encode())
    assert main(["models", "show", str(tmp_path / "lone-Q5_K_M.gguf")]) == 0
    out = capsys.readouterr().out
    for line in (
        "architecture  llama",
        "parameters    18,592",
        "quantization  q5_k_m, by its name",
    ):
        assert line in out
    assert "dialect       lintseq" in out


def test_show_the_speed_that_was_measured_here(
    tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Probes(tiny / "model.gguf", "llama_cpp").keep_speed(1234.4)
    main(["models", "show", "tiny"])
    assert re.search(r"model\.gguf +2\.5 kB +llama_cpp +q8_0 +1,234 ", capsys.readouterr().out)


def test_remove_asks(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ONDEVICE_DATA", str(tmp_path / "data"))
    folder = tmp_path / "data" / "models" / "mine"
    shutil.copytree(tiny, folder)
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert main(["models", "remove", "mine"]) == 1
    assert "Delete mine (" in capsys.readouterr().err
    assert folder.is_dir()
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert main(["models", "remove", "mine"]) == 0
    assert not folder.exists()
    assert main(["models", "remove", "tiny", "--yes"]) == 2
    assert tiny.is_dir()


def test_a_damaged_model_does_not_keep_the_others_from_the_list(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ONDEVICE_DATA", str(tmp_path / "data"))
    folder = tmp_path / "data" / "models" / "mine"
    shutil.copytree(tiny, folder)
    (folder / "ondevice.json").write_text("{")
    assert main(["models", "list"]) == 0
    assert re.search(r"\nmine +- +damaged", capsys.readouterr().out)


@pytest.mark.parametrize("by_path", [False, True])
def test_show(tiny: Path, capsys: pytest.CaptureFixture[str], by_path: bool) -> None:
    assert main(["models", "show", str(tiny / "model.gguf") if by_path else "tiny"]) == 0
    out = capsys.readouterr().out
    assert "parameters   4,500,000\n" in out
    assert f"where        {tiny}\n" in out
    assert "model.gguf      2.5 kB  llama_cpp  q8_0          -              " in out


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
