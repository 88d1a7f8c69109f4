"""Whether the files of a model folder are what its manifest says."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from ondevice.catalogue.manifest import Manifest, ModelFile, sha256_of
from ondevice.errors import ModelFormatError


def find_damage(folder: Path, manifest: Manifest) -> dict[str, str]:
    """Compare every file with its recorded size and checksum.

    Returns what is wrong by the file's path; nothing, when the model is whole.
    """
    checked = ((file.path, _damage(folder / file.path, file)) for file in manifest.files)
    return {path: damage for path, damage in checked if damage}


def require_sizes(folder: Path, manifest: Manifest, names: Collection[str]) -> None:
    """Raise ``ModelFormatError`` unless those recorded files that are ``names`` have their sizes.

    That costs nothing, and finds a copy that was cut short; checksums are for ``find_damage``.
    """
    for file in manifest.files:
        path = folder / file.path
        if file.path in names and path.is_file() and path.stat().st_size != file.bytes:
            raise ModelFormatError(
                f"{path} is damaged: it has {path.stat().st_size:,} bytes instead of "
                f"{file.bytes:,}. Download or export it again"
            )


def _damage(path: Path, expected: ModelFile) -> str | None:
    try:
        size = path.stat().st_size
        if size != expected.bytes:
            return f"has {size} bytes instead of {expected.bytes}"
        if sha256_of(path) != expected.sha256:
            return "has another content than the one recorded (its checksum differs)"
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return None
