"""Writing the program to the file that ``--output`` names: whole, or not at all."""

from __future__ import annotations

from pathlib import Path

from ondevice.errors import RequestError
from ondevice.files import check_writable, write_atomically


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
