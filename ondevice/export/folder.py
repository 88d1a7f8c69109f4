"""From a checkpoint to a model folder: all its files, each proved, in place at once or not."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from ondevice.backends import open_backend
from ondevice.backends.llama_library import load_library
from ondevice.catalogue.manifest import MANIFEST_NAME, Manifest, ModelFile
from ondevice.edits import TEMPLATE
from ondevice.errors import RequestError
from ondevice.export import llama_quantize
from ondevice.export.agreement import Agreement, Reference, compare, require
from ondevice.export.checkpoint import Checkpoint
from ondevice.export.gguf import export_gguf
from ondevice.export.onnx import export_onnx, quantize_int4, quantize_int8

FORMATS = ("gguf", "onnx")
QUANTIZATIONS = ("q8_0", "f16", "int8", "fp32")
"""What is made unless something else is asked for."""
_GRAPH = "model.onnx"
_UNQUANTIZED = "scratch-f32.gguf"

Progress = Callable[[str], None]


class _Variant(NamedTuple):
    file: str
    format: str
    backend: str
    quantization: str


def _gguf(quantization: str) -> _Variant:
    return _Variant(f"model-{quantization}.gguf", "gguf", "llama_cpp", quantization)


# In the order of preference, which the manifest keeps.
_VARIANTS = (
    *map(_gguf, ("q8_0", *llama_quantize.QUANTIZATIONS[::-1], "bf16", "f16", "f32")),
    _Variant("model-int8.onnx", "onnx", "onnx", "int8"),
    _Variant("model-int4.onnx", "onnx", "onnx", "int4"),
    _Variant(_GRAPH, "onnx", "onnx", "fp32"),
)
KNOWN = tuple(variant.quantization for variant in _VARIANTS)
"""Every quantization that can be asked for."""


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """One file of weights and how near it is to the checkpoint."""

    file: ModelFile
    agreement: Agreement


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What ``export_checkpoint`` made."""

    folder: Path
    manifest: Manifest
    files: tuple[ExportedFile, ...]


def export_checkpoint(
    checkpoint: Path,
    folder: Path,
    *,
    formats: Sequence[str] = FORMATS,
    quantize: Sequence[str] = QUANTIZATIONS,
    name: str,
    license: str,
    source: str,
    description: str = "",
    license_text: str | None = None,
    prompts: Sequence[str] = (),
    on_progress: Progress = lambda _: None,
) -> ExportReport:
    """Turn a Hugging Face checkpoint folder into the model folder ``folder``.

    Of the quantizations in ``KNOWN``, those are made that are asked for and belong to a format that
    is, too. Every file is compared with the checkpoint, on ``prompts``
    among others, before anything appears at ``folder``; a model folder that stands there is
    replaced, anything else is left alone. ``on_progress`` is told, in a few words, what begins.

    Raises ``RequestError`` for arguments that make no export, ``ModelNotFoundError`` and
    ``ModelFormatError`` for the checkpoint, ``DependencyError``, and ``ModelError`` where an
    export differs from its checkpoint by more than ``agreement.TOLERANCES``.
    """
    variants = _choose(formats, quantize)
    _check_target(folder)
    opened = Checkpoint.open(checkpoint)
    draft = Manifest(
        name=name,
        description=description or f"{name}, exported by ondevice",
        dialect="lintseq",
        prompt_template=TEMPLATE,
        context_length=opened.context_length,
        end_tokens=(opened.end_token,),
        license=license,
        source=source,
        parameters=opened.count_parameters(),
        files=(),
    )
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    partial.mkdir(parents=True)
    try:
        if license_text is not None:
            (partial / "LICENSE").write_text(license_text, encoding="utf-8")
        report = _fill(partial, opened, draft, variants, prompts, on_progress)
        _put_in_place(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return replace(report, folder=folder)


def _choose(formats: Sequence[str], quantize: Sequence[str]) -> list[_Variant]:
    unknown = {*formats} - {*FORMATS} | {*quantize} - {*KNOWN}
    if unknown:
        raise RequestError(
            f"{', '.join(sorted(unknown))} cannot be exported; there are the formats "
            f"{', '.join(FORMATS)} and the quantizations {', '.join(KNOWN)}"
        )
    chosen = [v for v in _VARIANTS if v.format in formats and v.quantization in quantize]
    if not chosen:
        raise RequestError("none of these formats comes in any of these quantizations")
    if any(variant.format == "gguf" for variant in chosen):
        load_library()  # every export is run before it is trusted, so fail before the work
    return chosen


def _check_target(folder: Path) -> None:
    if not folder.exists() or (folder / MANIFEST_NAME).is_file():
        return
    if not folder.is_dir() or any(folder.iterdir()):
        raise RequestError(
            f"{folder} exists and is no model folder; name another one, or remove it first"
        )


def _fill(
    partial: Path,
    checkpoint: Checkpoint,
    draft: Manifest,
    variants: Sequence[_Variant],
    prompts: Sequence[str],
    on_progress: Progress,
) -> ExportReport:
    shutil.copyfile(checkpoint.folder / "tokenizer.json", partial / "tokenizer.json")
    _write_weights(partial, checkpoint, variants, draft.name, on_progress)
    replace(draft, files=_measure(partial, variants)).write(partial)  # read by the backends
    with checkpoint.for_transformers() as readable:
        reference = Reference(readable)
    agreements = []
    for variant in variants:
        on_progress(f"comparing {variant.file} with the checkpoint")
        path = partial / variant.file
        agreement = _compare(reference, path, prompts)
        if variant.quantization == "int8" and agreement.greedy_equal < agreement.greedy_total:
            agreement = _try_exact_embedding(reference, path, prompts, agreement)
        require(agreement, variant.quantization, path)
        agreements.append(agreement)
    if _GRAPH not in {variant.file for variant in variants}:
        (partial / _GRAPH).unlink(missing_ok=True)
    manifest = replace(draft, files=_measure(partial, variants))
    manifest.write(partial)
    pairs = zip(manifest.files[: len(variants)], agreements, strict=True)
    return ExportReport(partial, manifest, tuple(ExportedFile(*pair) for pair in pairs))


def _write_weights(
    partial: Path,
    checkpoint: Checkpoint,
    variants: Sequence[_Variant],
    name: str,
    on_progress: Progress,
) -> None:
    graph = partial / _GRAPH
    if any(variant.format == "onnx" for variant in variants):
        on_progress(f"exporting {_GRAPH}")
        with checkpoint.for_transformers() as readable:
            export_onnx(readable, graph)
    for variant in variants:
        path, quantization = partial / variant.file, variant.quantization
        on_progress(f"exporting {variant.file}")
        if quantization in llama_quantize.QUANTIZATIONS:
            source = partial / _UNQUANTIZED
            if not source.exists():
                export_gguf(checkpoint, source, "f32", name=name)
            llama_quantize.quantize_gguf(source, path, quantization)
        elif variant.format == "gguf":
            export_gguf(checkpoint, path, quantization, name=name)
        elif quantization == "int8":
            quantize_int8(graph, path, embedding=True)
        elif quantization == "int4":
            quantize_int4(graph, path)
    (partial / _UNQUANTIZED).unlink(missing_ok=True)


def _compare(reference: Reference, path: Path, prompts: Sequence[str]) -> Agreement:
    with open_backend(path) as backend:
        return compare(reference, backend, prompts)


def _try_exact_embedding(
    reference: Reference, path: Path, prompts: Sequence[str], coarse: Agreement
) -> Agreement:
    """Replace ``path`` by a graph whose embedding is fp32 where that writes more of the
    checkpoint's text."""
    candidate = path.with_name("candidate.onnx")
    quantize_int8(path.with_name(_GRAPH), candidate, embedding=False)
    fine = _compare(reference, candidate, prompts)
    if fine.greedy_equal <= coarse.greedy_equal:
        candidate.unlink()
        return coarse
    candidate.replace(path)
    return fine


def _measure(partial: Path, variants: Sequence[_Variant]) -> tuple[ModelFile, ...]:
    weights = [ModelFile.measure(partial, v.file, v.backend, v.quantization) for v in variants]
    beside = [name for name in ("tokenizer.json", "LICENSE") if (partial / name).exists()]
    return (*weights, *(ModelFile.measure(partial, name) for name in beside))


def _put_in_place(partial: Path, folder: Path) -> None:
    if folder.exists():
        old = partial.with_suffix(".old")
        folder.rename(old)
        partial.rename(folder)
        shutil.rmtree(old)
    else:
        partial.rename(folder)
