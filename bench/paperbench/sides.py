"""What is compared: how the answers of the same tasks are written."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

SIDES: dict[str, dict[str, Any]] = {
    "plain": {"answers": "whole", "linter": "fast"},
    "lintseq": {"answers": "lintseq", "linter": "fast"},
    "random": {"answers": "lintseq", "linter": "none"},
    "plain, same programs": {"answers": "whole", "linter": "fast"},
}
"""Settings of a recipe's data, by the name of the side."""


EVERYDAY = Path(__file__).parents[1] / "everyday"
FIELDS = ("numbers", "strings")
"""The fields of the tasks: few, so that a short run goes over them more than once."""


def tasks(folder: Path) -> Path:
    """Return a folder with the tasks of these fields, which is made in ``folder``."""
    made = folder / "tasks"
    made.mkdir(parents=True, exist_ok=True)
    for name in ("split.json", *(f"{field}.jsonl" for field in FIELDS)):
        shutil.copyfile(EVERYDAY / name, made / name)
    return made


def folder_name(side: str, seed: int) -> str:
    """Return what the run of a side is called."""
    return f"{side.replace(', ', '-').replace(' ', '-')}-{seed}"
