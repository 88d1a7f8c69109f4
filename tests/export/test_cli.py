"""``ondevice export``: its table, and its exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest

from ondevice.cli import main
from ondevice.export import agreement


def test_table(checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "held.txt"
    text.write_text("def f(x):\n    return x + 1\n" * 9)
    command = ["export", str(checkpoint), str(tmp_path / "model"), "--quantize", "f16"]
    assert main([*command, "--text", str(text)]) == 0
    head, row, own = capsys.readouterr().out.splitlines()
    assert head.split()[:2] == ["FILE", "SIZE"]
    assert row.startswith("model-f16.gguf")
    assert own.startswith("the checkpoint")
    assert float(row.split()[-2]) == pytest.approx(float(own.split()[-1]), rel=1e-3)


def test_a_file_that_differs_is_shown_and_not_kept(
    checkpoint: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(agreement.TOLERANCES, "f16", agreement.Tolerance(1.0, 1e-9, 1.0))
    assert main(["export", str(checkpoint), str(tmp_path / "model"), "--quantize", "f16"]) == 1
    said = capsys.readouterr()
    assert "model-f16.gguf" in said.out
    assert "is not the same model as its checkpoint" in said.err
    assert "the first to differ is the embedding" in said.err  # F16, too, is off by 1e-9
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(tmp_path / "none"), str(tmp_path / "model")]) == 3
    assert "no checkpoint at" in capsys.readouterr().err
    (tmp_path / "empty.txt").write_text(" \n")
    arguments = ["export", str(tmp_path), str(tmp_path / "m"), "--text"]
    assert main([*arguments, str(tmp_path / "empty.txt")]) == 2
    assert main([*arguments, str(tmp_path / "none.txt")]) == 2
