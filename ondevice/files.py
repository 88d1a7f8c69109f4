"""Writing a file so that it is either the old one or the new one, and where caches belong."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO


def cache_folder() -> Path:
    """Return the folder for what can be had again: suites, and what was measured of this machine.

    ``ONDEVICE_CACHE`` names another one than the system's place for caches.
    """
    if chosen := os.environ.get("ONDEVICE_CACHE"):
        return Path(chosen)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "ondevice"


def set_aside(path: Path) -> Path:
    """Give a file a name beside its own that nothing has yet, and return that; raises ``OSError``.

    ``a.samples.jsonl`` becomes ``a.old-1.samples.jsonl``.
    """
    stem, dot, rest = path.name.partition(".")
    number = 1
    while (free := path.with_name(f"{stem}.old-{number}{dot}{rest}")).exists():
        number += 1
    return path.rename(free)


def write_atomically(path: Path, text: str) -> None:
    """Write UTF-8 text beside ``path`` and move it into place; an existing file keeps its mode.

    Line ends are written as they stand. Raises ``OSError`` like any write, leaving ``path`` as it
    was.
    """
    content = text.encode()
    with replacing(path) as file:
        file.write(content)


@contextlib.contextmanager
def replacing(path: Path, folder: Path | None = None, *, sync: bool = True) -> Iterator[IO[bytes]]:
    """Give a file to write, which takes the place of ``path`` when the block ends well.

    Until then it lies in ``folder``, on the same file system, or beside ``path``; a process that
    is killed leaves it there. Without ``sync`` it is not forced to the disk, which is as good
    while the machine runs on. Raises ``OSError`` like any write; after any error ``path`` is as it
    was.
    """
    path = Path(os.path.realpath(path))
    handle, name = tempfile.mkstemp(dir=folder or path.parent, prefix=f".{path.name}.")
    try:
        with open(handle, "wb") as file:
            yield file
            file.flush()
            if sync:
                os.fsync(file.fileno())
        os.chmod(name, path.stat().st_mode if path.exists() else 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
