"""The models that were pulled: where their folders are, by name, and how one comes and goes."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ondevice.catalogue.manifest import MANIFEST_NAME, Manifest
from ondevice.errors import ModelError
from ondevice.files import data_folder
from ondevice.locks import lock

_NAME = re.compile(r"\w[\w.-]*(?:/\w[\w.-]*)?(?::[\w.-]+)?", re.ASCII)
_LONGEST_NAME = 200
_POLL_SECONDS = 0.2


def models_folder() -> Path:
    """Return the folder that holds the folders of pulled models."""
    return data_folder() / "models"


def folder_of(name: str) -> Path | None:
    """Return the folder that a pulled model of this name has or would have.

    None for what cannot be such a name: it never leads out of ``models_folder``.
    """
    if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
        return None
    return models_folder() / name.replace("/", "--").replace(":", "--")


def find_installed(name: str) -> Path | None:
    """Return the folder of a pulled model, or None where there is none of this name."""
    folder = folder_of(name)
    return folder if folder and (folder / MANIFEST_NAME).is_file() else None


def installed_models() -> dict[str, Path]:
    """Return the folders of all pulled models by name."""
    root = models_folder()
    folders = sorted(root.iterdir()) if root.is_dir() else []
    # What begins with a dot is on its way in or out.
    whole = [f for f in folders if f.name[0] != "." and (f / MANIFEST_NAME).is_file()]
    return {_name(folder): folder for folder in whole}


@contextlib.contextmanager
def locked(folder: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Keep other processes from a model's folder, after those that have it now.

    ``on_wait`` is called once if it has to be waited for.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    path = folder.with_name(f".{folder.name}.lock")
    waited = False
    while (held := lock(path)) is None:
        if not waited:
            waited = True
            on_wait()
        time.sleep(_POLL_SECONDS)
    try:
        yield
    finally:
        held.close()


def partial_of(folder: Path) -> Path:
    """Return where a model's files are gathered until all of them are there."""
    return folder.with_name(f".{folder.name}.partial")


def put_in_place(partial: Path, folder: Path) -> None:
    """Make ``partial`` the model's folder, in the place of one that may be there."""
    if folder.exists():
        remove(folder)
    os.rename(partial, folder)


def remove(folder: Path) -> None:
    """Delete a model's folder, which is no model from the first moment on."""
    gone = folder.with_name(f".{folder.name}.removed")
    shutil.rmtree(gone, ignore_errors=True)
    os.rename(folder, gone)
    shutil.rmtree(gone, ignore_errors=True)


def _name(folder: Path) -> str:
    try:
        return Manifest.read(folder).name
    except ModelError:
        return folder.name  # damaged, which `verify` tells
