"""What a GGUF file says about the model in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ondevice.backends.gguf_header import PARAMETERS, read_header
from ondevice.backends.gguf_shape import read_shape
from ondevice.catalogue.manifest import Manifest, ModelFile
from ondevice.edits import LINTSEQ, SEPARATOR, TEMPLATE, UNIFIED
from ondevice.errors import ModelFormatError

_CHAT = "tokenizer.chat_template"


@dataclass(frozen=True, slots=True)
class GgufModel:
    """A model as its GGUF file has it; ``dialect`` is None for one that no edits can be had of."""

    architecture: str
    parameters: int
    context_length: int
    dialect: str | None
    license: str | None


def read_gguf(path: Path) -> GgufModel:
    """Read what ``path`` says; raises ``ModelFormatError`` as ``read_header`` does."""
    header = read_header(path)
    context, *_ = read_shape(path, header)
    dialect = None
    if SEPARATOR in header.get("tokenizer.ggml.tokens", []):
        dialect = LINTSEQ.name
    elif isinstance(header.get(_CHAT), str):
        dialect = UNIFIED.name
    license = header.get("general.license")
    shown = license if isinstance(license, str) and license and license.isprintable() else None
    return GgufModel(
        str(header["general.architecture"]), int(header[PARAMETERS]), context, dialect, shown
    )


def describe_gguf(
    folder: Path,
    names: Sequence[str],
    *,
    name: str,
    quantization: str,
    license: str,
    source: str,
) -> Manifest:
    """Return the manifest of a folder with the GGUF file ``names[0]``, or the parts of one.

    Raises ``ModelFormatError`` for a damaged file, or one that cannot be asked for edits.
    """
    ordered = sorted(names)
    model = read_gguf(folder / ordered[0])
    if model.dialect is None:
        raise ModelFormatError(
            f"{source} can be asked for nothing: it has neither the token {SEPARATOR} nor a chat "
            "template. Its instruction-tuned sibling may have one"
        )
    return Manifest(
        name=name,
        description=f"{model.architecture} from {source}",
        dialect=model.dialect,
        prompt_template=TEMPLATE if model.dialect == LINTSEQ.name else None,
        context_length=model.context_length,
        end_tokens=(),
        license=model.license or "unknown" if license == "unknown" else license,
        source=source,
        parameters=model.parameters,
        files=tuple(ModelFile.measure(folder, n, "llama_cpp", quantization) for n in ordered),
    )
