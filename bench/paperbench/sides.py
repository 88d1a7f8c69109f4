"""What is compared: how the answers of the same tasks are written."""

from __future__ import annotations

from typing import Any

SIDES: dict[str, dict[str, Any]] = {
    "plain": {"answers": "whole", "linter": "fast"},
    "lintseq": {"answers": "lintseq", "linter": "fast"},
    "random": {"answers": "lintseq", "linter": "none"},
    "plain, same programs": {"answers": "whole", "linter": "fast"},
}
"""Settings of a recipe's data, by the name of the side."""


def folder_name(side: str, seed: int) -> str:
    """Return what the run of a side is called."""
    return f"{side.replace(', ', '-').replace(' ', '-')}-{seed}"
