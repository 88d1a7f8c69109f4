"""Writing a file so that it is either the old one or the new one; where caches and data belong."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from ondevice.errors import RequestError

_WRITE_BITS = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


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


def data_folder() -> Path:
    """Return the folder for what the user fetched and would not want to fetch again: models.

    ``ONDEVICE_DATA`` names another one than the system's place for such data.
    """
    if chosen := os.environ.get("ONDEVICE_DATA"):
        return Path(chosen)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
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


def check_writable(path: Path) -> None:
    """Raise ``RequestError`` when ``path`` can be seen not to be writable."""
    target = path.resolve()
    if target.is_dir():
        raise RequestError(f"cannot write {path}: it is a folder")
    if not target.parent.is_dir():
        raise RequestError(f"cannot write {path}: there is no folder {target.parent}")
    # A file that was made read-only is respected, though replacing it would be possible, and
    # though an administrator may write anything.
    if target.exists() and not (os.access(target, os.W_OK) and target.stat().st_mode & _WRITE_BITS):
        raise RequestError(f"cannot write {path}: it is read-only")
    if not os.access(target.parent, os.W_OK):
        raise RequestError(f"cannot write {path}: {target.parent} is not writable")


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
        _take_after(path, name)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _take_after(path: Path, name: str) -> None:
    """Give the file ``name`` the mode and, where that is allowed, the owner of ``path``."""
    if not path.exists():
        os.chmod(name, 0o666 & ~_umask())
        return
    state = path.stat()
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            os.chown(name, state.st_uid, state.st_gid)
    os.chmod(name, stat.S_IMODE(state.st_mode))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
