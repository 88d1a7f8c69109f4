"""Writing the program to the file that ``--output`` names: whole, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from ondevice.errors import RequestError
from ondevice.files import write_atomically


def check_writable(path: Path) -> None:
    """Raise ``RequestError`` when ``path`` can be seen not to be writable."""
    target = path.resolve()
    if target.is_dir():
        raise RequestError(f"cannot write {path}: it is a folder")
    if not target.parent.is_dir():
        raise RequestError(f"cannot write {path}: there is no folder {target.parent}")
    # A file that was made read-only is respected, though replacing it would be possible.
    where = target if target.exists() and not os.access(target, os.W_OK) else target.parent
    if not os.access(where, os.W_OK):
        raise RequestError(f"cannot write {path}: {where} is not writable")


def save(path: Path, text: str) -> None:
    """Write ``text`` so that a reader of ``path`` sees the old content or the new, never a part.

    An existing file keeps its mode, a link keeps pointing where it did, and what is no regular
    file (``/dev/null``, a pipe) is written in place. Raises ``RequestError``.
    """
    check_writable(path)
    target = path.resolve()
    try:
        if target.exists() and not target.is_file():
            target.write_text(text, encoding="utf-8", newline="")
        else:
            write_atomically(target, text)
    except OSError as error:
        raise RequestError(f"cannot write {path}: {error.strerror}") from None
