"""From what a user calls a model to the file or folder that holds it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from ondevice.catalogue.bundled import DEFAULT_MODEL, bundled_models
from ondevice.catalogue.manifest import MANIFEST_NAME, Manifest
from ondevice.errors import ModelFormatError, ModelNotFoundError

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

    A bundled model's name wins over a path of the same name (write ``./tiny`` for that); a
    ``Path`` is always a path. Raises ``ModelNotFoundError``, or ``ModelFormatError`` for what
    exists and is no model.
    """
    bundled = bundled_models()
    name = DEFAULT_MODEL if model is None else model
    if isinstance(name, str) and name in bundled:
        return _from_folder(bundled[name])
    path = Path(name).expanduser()
    try:
        if path.is_dir():
            return _from_folder(path)
        if path.exists():
            return _from_file(path)
    except (OSError, ValueError) as error:
        raise ModelNotFoundError(f"the model {str(name)!r} cannot be reached: {error}") from None
    raise ModelNotFoundError(_not_found(name, sorted(bundled)))


def _from_folder(folder: Path) -> ModelSource:
    if (folder / MANIFEST_NAME).exists():
        manifest = Manifest.read(folder)
        return ModelSource(folder, manifest, manifest.name)
    if not any(file.suffix.lower() in _SUFFIXES for file in folder.iterdir()):
        raise ModelFormatError(
            f"{folder} holds no model; expected {MANIFEST_NAME}, or a .gguf or .onnx file. "
            "A Hugging Face checkpoint becomes a model with `ondevice export`"
        )
    return ModelSource(folder, None, folder.resolve().name)


def _from_file(file: Path) -> ModelSource:
    if file.suffix.lower() not in _SUFFIXES:
        raise ModelFormatError(f"{file} is no model; a model is {_FORMS}")
    # A file out of a model folder keeps the folder's dialect and prompt template.
    if (file.parent / MANIFEST_NAME).exists():
        manifest = Manifest.read(file.parent)
        if file.name in {listed.path for listed in manifest.files}:
            return ModelSource(file, manifest, manifest.name)
    return ModelSource(file, None, file.stem)


def _not_found(model: str | Path, names: list[str]) -> str:
    if isinstance(model, Path) or Path(model).suffix in _SUFFIXES or len(Path(model).parts) > 1:
        return f"no such file or folder: {model}; a model is {_FORMS}"
    near = difflib.get_close_matches(model, names, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    known = ", ".join(names) or "none in this installation"
    return (
        f"there is no model {model!r}{hint}; bundled models: {known}. "
        f"A model can also be the path of {_FORMS}"
    )
