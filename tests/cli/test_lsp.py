"""``ondevice lsp`` on the command line; ``tests/lsp`` has what it serves."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ondevice.cli import main


def test_without_pygls_it_says_what_is_missing() -> None:
    """In a process of its own: what is imported anew here would be another's in later tests."""
    code = "import sys; sys.modules |= dict.fromkeys(['pygls', 'lsprotocol']); "
    code += "from ondevice.cli import main; sys.exit(main(['lsp']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)
    assert done.returncode == 3
    assert done.stderr.startswith("error: ")
    assert "is not installed; `ondevice doctor` shows" in done.stderr


def test_stdio_is_taken_since_editors_pass_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lsp", "--stdio", "--help"]) == 0
    assert "--stdio" not in capsys.readouterr().out
    assert main(["lsp", "--socket"]) == 2
