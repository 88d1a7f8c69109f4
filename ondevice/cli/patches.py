"""Differences as git applies them, and in the colors that git shows them in."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ondevice.cli.presenters import CONTROLS
from ondevice.errors import RequestError

if TYPE_CHECKING:
    from rich.text import Text

CONTEXT = 3
_STYLES = {"---": "bold", "+++": "bold", "@@ ": "cyan", "-": "red", "+": "green", "\\": "dim"}


def patch(name: str, before: str, after: str) -> str:
    """Return the difference of two texts of a file, empty where there is none.

    Raises ``RequestError`` for a name that no diff can hold.
    """
    from ondevice.edits import Buffer, Unified, diff

    try:
        dialect = Unified(name)
    except ValueError as error:
        raise RequestError(str(error)) from error
    return dialect.write(diff(Buffer.verbatim(before), Buffer.verbatim(after), CONTEXT))


def names(targets: Sequence[Path]) -> list[str]:
    """Return what files are called in patches of them, for ``git apply`` in one folder.

    That is the working directory where all lie below it, and otherwise the folder that they share.
    Links are followed by whoever calls this, since git changes no file through one.
    """
    here = Path(os.path.realpath(os.getcwd()))
    if not all(target.is_relative_to(here) for target in targets):
        try:
            here = Path(os.path.commonpath([target.parent for target in targets]))
        except ValueError:  # on several drives of Windows
            return [target.name for target in targets]
    return [target.relative_to(here).as_posix() for target in targets]


def colored(text: str) -> Text:
    """Return a patch in git's colors, without anything that acts on the terminal."""
    from rich.text import Text

    shown = Text()
    heading = True
    for line in text.removesuffix("\n").split("\n"):
        heading = heading and not line.startswith("@@ ")
        key = line[:3] if heading or line.startswith("@@ ") else line[:1]
        # A line end of Windows is not to be seen.
        shown.append(line.removesuffix("\r").translate(CONTROLS) + "\n", _STYLES.get(key, ""))
    return shown
