"""``ondevice lsp`` on the command line; ``tests/lsp`` has what it serves."""

from __future__ import annotations

import sys

import pytest

from ondevice.cli import main


def test_without_pygls_it_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.startswith("ondevice.lsp")]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("pygls", "lsprotocol"):
        for loaded in [module for module in sys.modules if module.startswith(f"{name}.")]:
            monkeypatch.delitem(sys.modules, loaded)
        monkeypatch.setitem(sys.modules, name, None)
    assert main(["lsp"]) == 3
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert "is not installed; `ondevice doctor` shows" in error


def test_stdio_is_taken_since_editors_pass_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lsp", "--stdio", "--help"]) == 0
    assert "--stdio" not in capsys.readouterr().out
    assert main(["lsp", "--socket"]) == 2
