"""From what a user calls a model to the file or folder that holds it."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path

from ondevice.catalogue.bundled import DEFAULT_MODEL, bundled_models
from ondevice.catalogue.installed import find_installed, installed_models
from ondevice.catalogue.known import known_models
from ondevice.catalogue.manifest import MANIFEST_NAME, Manifest
from ondevice.errors import ModelFormatError, ModelNotFoundError
from ondevice.plugins import plugin_suffixes

_HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*(?::[\w.-]+\.gguf)?", re.ASCII)
_SUFFIXES = (".gguf", ".onnx")
_FORMS = f"a .gguf file, an .onnx file, or a folder with {MANIFEST_NAME} or such a file"


@dataclass(frozen=True, slots=True)
class ModelSource:
    """A model that was found: its file or folder, and its manifest where it has one."""

    path: Path
    manifest: Manifest | None
    name: str


def resolve(model: str | Path | None = None) -> ModelSource:
    """Find a model by name or path; None stands for the default bundled model.

    The name of a bundled model, or of one that was pulled, wins over a path of the same name (write
    ``./tiny`` for that), unless it is of the form ``org/name``; a ``Path`` is always a path. Raises
    ``ModelNotFoundError``, or ``ModelFormatError`` for what exists and is no model.
    """
    bundled = bundled_models()
    name = DEFAULT_MODEL if model is None else model
    if isinstance(name, str) and name in bundled:
        return _from_folder(bundled[name])
    installed = find_installed(name) if isinstance(name, str) else None
    if installed and "/" not in str(name):
        return _from_folder(installed)
    path = Path(name).expanduser()
    try:
        if path.is_dir():
            return _from_folder(path)
        if path.exists():
            return _from_file(path)
    except (OSError, ValueError) as error:
        raise ModelNotFoundError(f"the model {str(name)!r} cannot be reached: {error}") from None
    if installed:
        return _from_folder(installed)
    raise ModelNotFoundError(_not_found(name, [*bundled, *installed_models(), *known_models()]))


def _from_folder(folder: Path) -> ModelSource:
    if (folder / MANIFEST_NAME).exists():
        manifest = Manifest.read(folder)
        return ModelSource(folder, manifest, manifest.name)
    if not any(_is_weights(file) for file in folder.iterdir()):
        raise ModelFormatError(
            f"{folder} holds no model; expected {MANIFEST_NAME}, or a .gguf or .onnx file. "
            "A Hugging Face checkpoint becomes a model with `ondevice export`"
        )
    return ModelSource(folder, None, folder.resolve().name)


def _is_weights(file: Path) -> bool:
    suffix = file.suffix.lower()
    return suffix in _SUFFIXES or bool(suffix and suffix in plugin_suffixes({}))


def _from_file(file: Path) -> ModelSource:
    if not _is_weights(file):
        raise ModelFormatError(f"{file} is no model; a model is {_FORMS}")
    # A file out of a model folder keeps the folder's dialect and prompt template.
    if (file.parent / MANIFEST_NAME).exists():
        manifest = Manifest.read(file.parent)
        if file.name in {listed.path for listed in manifest.files}:
            return ModelSource(file, manifest, manifest.name)
    return ModelSource(file, None, file.stem)


def _not_found(model: str | Path, names: list[str]) -> str:
    if isinstance(model, str) and (model in known_models() or _HUB_NAME.fullmatch(model)):
        return (
            f"the model {model!r} is not on this machine; fetch it with `ondevice models pull "
            f"{model}`, or give the path of {_FORMS}"
        )
    if isinstance(model, Path) or Path(model).suffix in _SUFFIXES or len(Path(model).parts) > 1:
        return f"no such file or folder: {model}; a model is {_FORMS}"
    near = difflib.get_close_matches(model, names, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    bundled = ", ".join(bundled_models()) or "none in this installation"
    return (
        f"there is no model {model!r}{hint}; bundled models: {bundled}. `ondevice models "
        f"list` shows all; a model can also be the path of {_FORMS}"
    )
