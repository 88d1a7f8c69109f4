"""From a name or a path to the files of a model, and whether these are whole."""

from ondevice.catalogue.bundled import DEFAULT_MODEL, bundled_models
from ondevice.catalogue.installed import installed_models
from ondevice.catalogue.known import KnownModel, known_models
from ondevice.catalogue.manifest import MANIFEST_NAME, Manifest, ModelFile
from ondevice.catalogue.resolve import ModelSource, resolve
from ondevice.catalogue.verify import find_damage, require_sizes

__all__ = [
    "DEFAULT_MODEL",
    "MANIFEST_NAME",
    "KnownModel",
    "Manifest",
    "ModelFile",
    "ModelSource",
    "bundled_models",
    "find_damage",
    "installed_models",
    "known_models",
    "require_sizes",
    "resolve",
]
