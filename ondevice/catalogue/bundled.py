"""The models that come with the package: where their folders are, by name."""

from __future__ import annotations

from pathlib import Path

from ondevice.catalogue.manifest import MANIFEST_NAME

DEFAULT_MODEL = "tiny"

_PACKAGE = Path(__file__).resolve().parents[1]


def bundled_models() -> dict[str, Path]:
    """Return the folders of the bundled models by name."""
    return {
        folder.name: folder
        for root in reversed(_roots())
        if root.is_dir()
        for folder in sorted(root.iterdir())
        if (folder / MANIFEST_NAME).is_file()
    }


def _roots() -> list[Path]:
    """Return the folders that may hold bundled models, the one that wins first."""
    roots = [_PACKAGE / "models"]
    checkout = _PACKAGE.parent
    # Beside an installed package stands site-packages, where `models` would be someone else's.
    if (checkout / "pyproject.toml").is_file():
        roots.append(checkout / "models")
    return roots
