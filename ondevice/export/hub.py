"""Where a checkpoint lies: in a folder, or on the Hugging Face hub, which it is fetched from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ondevice.errors import DependencyError, ModelNotFoundError

_HUB_NAME = re.compile(r"(?P<name>[\w.-]+/[\w.-]+?)(?:@(?P<revision>[\w./-]+))?")
_READ = ["*.json", "*.jinja", "README.md", "LICENSE*"]
# Mistral's repositories hold all weights a second time, for a loader of their own.
_OTHERS = ["*/*", "consolidated*"]
_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")


@dataclass(frozen=True, slots=True)
class Located:
    """A checkpoint folder; ``source`` says where it is from, with the revision if it has one."""

    folder: Path
    source: str


def locate(checkpoint: str | Path) -> Located:
    """Return the folder ``checkpoint``, or else fetch the hub's model of the name
    ``org/name`` or ``org/name@revision`` into the hub's cache.

    The variables of ``huggingface_hub`` hold (``HF_HOME``, ``HF_ENDPOINT``, ``HF_TOKEN``,
    ``HF_HUB_OFFLINE``); its progress bars go to stderr. Raises ``ModelNotFoundError`` where there
    is neither or the hub cannot be reached, and ``DependencyError`` without ``huggingface_hub``.
    """
    folder = Path(checkpoint).expanduser()
    if folder.exists():
        return Located(folder, str(checkpoint))
    match = _HUB_NAME.fullmatch(checkpoint) if isinstance(checkpoint, str) else None
    if match is None:
        raise ModelNotFoundError(
            f"there is no checkpoint at {checkpoint}; give a folder, or a hub name: org/name"
        )
    fetched = _fetch(match["name"], match["revision"])
    return Located(fetched, f"{match['name']}@{fetched.name}")


def read_license(folder: Path) -> str | None:
    """Return the license that the model card in ``folder`` names, or None."""
    card = folder / "README.md"
    if not card.is_file():
        return None
    from huggingface_hub import metadata_load
    from yaml import YAMLError

    try:
        fields = metadata_load(card) or {}
    except (ValueError, YAMLError):
        return None
    named = fields.get("license_name") if fields.get("license") == "other" else None
    license = named or fields.get("license")
    return license if isinstance(license, str) and license else None


def _fetch(name: str, revision: str | None) -> Path:
    """Return the folder of a snapshot; weights that ``torch.save`` wrote only where no others
    are."""
    try:
        from huggingface_hub import errors as hub
        from huggingface_hub import snapshot_download
        from requests import RequestException
    except ImportError as error:
        raise DependencyError(
            f"fetching {name} needs huggingface_hub: pip install 'ondevice[export]'"
        ) from error
    try:
        for weights in _WEIGHTS:
            folder = Path(
                snapshot_download(
                    name,
                    revision=revision,
                    allow_patterns=[*_READ, weights],
                    ignore_patterns=_OTHERS,
                )
            )
            if any(folder.glob(weights)):
                break
    except (hub.HfHubHTTPError, hub.LocalEntryNotFoundError, hub.OfflineModeIsEnabled) as error:
        raise ModelNotFoundError(_explain(name, revision, error)) from error
    except hub.HFValidationError as error:
        raise ModelNotFoundError(f"{name} is no folder here and no hub name: {error}") from error
    except RequestException as error:
        raise ModelNotFoundError(
            f"{name} is no folder here, and fetching it from the hub broke off: {error}; what has "
            "come is kept, so try again"
        ) from error
    return folder


def _explain(name: str, revision: str | None, error: Exception) -> str:
    from huggingface_hub import errors as hub

    if isinstance(error, hub.GatedRepoError):
        return (
            f"the hub gives {name} only to those who accepted its terms: do so on its page, then "
            "set HF_TOKEN to a token of yours"
        )
    if isinstance(error, hub.RepositoryNotFoundError):
        return (
            f"there is no folder {name}, and the hub has no model of that name, or only for "
            "others: look for misspellings, or set HF_TOKEN"
        )
    if isinstance(error, hub.RevisionNotFoundError):
        return f"{name} has no revision {revision} on the hub"
    if isinstance(error, (hub.LocalEntryNotFoundError, hub.OfflineModeIsEnabled)):
        return (
            f"there is no folder {name}, it is not in the hub's cache, and the hub cannot be "
            "reached (is HF_HUB_OFFLINE set?)"
        )
    return f"{name} is no folder here, and the hub refuses it: {str(error).splitlines()[0]}"
