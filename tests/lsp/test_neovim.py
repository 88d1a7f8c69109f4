"""Neovim itself as the client; ``NVIM`` names another than the one on the PATH."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

import ondevice
from tests.lsp.editor import BUNDLED, ROOT

NVIM = os.environ.get("NVIM") or shutil.which("nvim")
SCRIPT = Path(__file__).with_name("neovim.lua")


@pytest.mark.skipif(NVIM is None, reason="Neovim is not installed")
def test_neovim_applies_the_action(tmp_path: Path) -> None:
    file = tmp_path / "f.py"
    file.write_text("# ondevice: write fizzbuzz\n", encoding="utf-8")
    homes = {f"XDG_{name}_HOME": str(tmp_path) for name in ("CONFIG", "DATA", "STATE", "CACHE")}
    environment = {
        **os.environ,
        **homes,
        "ONDEVICE_LSP": json.dumps(BUNDLED),
        "PYTHONPATH": str(ROOT),
    }
    assert NVIM
    command = [NVIM, "--headless", "-u", "NONE", "-i", "NONE", "-n", str(file), "-S", str(SCRIPT)]
    done = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    with ondevice.load() as model:
        assert file.read_text(encoding="utf-8") == model.edit("write fizzbuzz", source="").text
    assert "return result" in done.stdout
