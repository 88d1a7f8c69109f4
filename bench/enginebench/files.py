"""Files with everything that makes them awkward to edit, and other programs that apply a diff."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from pathlib import Path

from ondevice.edits.buffer import BYTE_ORDER_MARK

LONGEST = 400
NAME = "some file.py"
_LINES = [
    "",
    " ",
    "    return x",
    "def f(x, *, y=None):",
    "\tif x:\t# tabs",
    "                            deep",
    "+ plus",
    "- item",
    "-- a/file",
    "@@ -1 +1 @@",
    "\\ No newline at end of file",
    "```",
    "x = '<|diff|>' + \"<|endoftext|>\"",
    "é = 'naïve \u2028 日本語 \U0001f600'",
    "form\x0cfeed \x00\x7f\x85",
    "r'/[^/]+/' | $ ( ) { } \\d",
]
_COMMANDS = {
    "git apply": ["git", "-c", "core.autocrlf=false", "apply", "--whitespace=nowarn"],
    # Fuzz would hide that it finds the context too short.
    "patch": ["patch", "--strip=1", "--fuzz=0", "--binary"],
}


def awkward_file(seed: int) -> str:
    """Return the text of a file of 0 to 400 lines; every seed gives its own."""
    rng = random.Random(seed)
    count = rng.choice([0, 1, rng.randrange(2, 12), rng.randrange(12, 80), rng.randrange(80, 400)])
    if seed % 10 == 9:
        count = LONGEST
    newline = rng.choice(["\n", "\r\n"])
    lines = rng.choices(_LINES, k=count)
    if newline == "\n" and lines and rng.random() < 0.3:
        lines[rng.randrange(count)] = "a lone \r and one at the end\r"
    # An empty last line without a newline is no line.
    final = newline if lines and (rng.random() < 0.6 or not lines[-1]) else ""
    mark = BYTE_ORDER_MARK if rng.random() < 0.2 else ""
    return mark + newline.join(lines) + final


def programs() -> list[str]:
    """Return those of git and patch that are installed."""
    return [name for name, command in _COMMANDS.items() if shutil.which(command[0])]


def applied(program: str, before: str, patch: str, folder: Path) -> str | None:
    """Return what a program makes of a file and its patch; None where it refuses.

    Where patch says that a hunk fits elsewhere, it counts as refused. git is not asked: it says so
    of hunks in their place that only remove lines, too.
    """
    file = folder / NAME
    file.write_bytes(before.encode())
    done = subprocess.run(
        _COMMANDS[program],
        input=patch.encode(),
        cwd=folder,
        env=os.environ | {"GIT_CEILING_DIRECTORIES": str(folder.resolve().parent), "LC_ALL": "C"},
        capture_output=True,
        check=False,
    )
    if done.returncode or b"offset" in done.stdout:
        return None
    return file.read_bytes().decode() if file.exists() else ""
