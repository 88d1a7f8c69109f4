"""What the tests of corpora share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ondevice.lintseq import linters
from tests.lintseq import hostile

ROOT = Path(__file__).parents[2]


@pytest.fixture
def hostile_linters(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Make the hostile linters known here, and to every process that is started."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "sitecustomize.py").write_text(
        "import os, sys\n"
        "if sys.orig_argv[1:2] == ['-P'] or 'HOSTILE' in os.environ:\n"
        "    import tests.lintseq.hostile\n"
    )
    paths = [str(folder), str(ROOT), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    monkeypatch.setenv("ASSASSIN", str(folder / "mark"))
    for name, linter in hostile.LINTERS.items():
        monkeypatch.setitem(linters.LINTERS, name, linter)
