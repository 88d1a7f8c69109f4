"""Whether the files of a model folder are what its manifest says."""

from __future__ import annotations

from pathlib import Path

from ondevice.catalogue.manifest import Manifest, ModelFile, sha256_of


def find_damage(folder: Path, manifest: Manifest) -> dict[str, str]:
    """Compare every file with its recorded size and checksum.

    Returns what is wrong by the file's path; nothing, when the model is whole.
    """
    checked = ((file.path, _damage(folder / file.path, file)) for file in manifest.files)
    return {path: damage for path, damage in checked if damage}


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
