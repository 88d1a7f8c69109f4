"""From a checkpoint to a model folder: all its files, each proved, in place at once or not."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ondevice.backends import open_backend
from ondevice.catalogue.manifest import MANIFEST_NAME, Manifest, ModelFile
from ondevice.errors import DisagreementError, RequestError
from ondevice.export import layers
from ondevice.export.agreement import TOLERANCES, Agreement, compare
from ondevice.export.checkpoint import Checkpoint
from ondevice.export.dialects import choose_dialect, prompt_template
from ondevice.export.gguf import export_gguf, tensor_namer
from ondevice.export.hub import locate, read_license
from ondevice.export.importance import Importance, measure_importance
from ondevice.export.llama_quantize import QUANTIZATIONS as BY_LLAMA_CPP
from ondevice.export.llama_quantize import quantize_gguf
from ondevice.export.onnx import export_onnx, quantize_int4, quantize_int8
from ondevice.export.reference import Reference
from ondevice.export.texts import held_text
from ondevice.export.variants import FORMATS, GRAPH, QUANTIZATIONS, Variant, choose

_UNQUANTIZED = "scratch-f32.gguf"
_BESIDE = ("tokenizer.json", "LICENSE")

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """One file of weights and how near it is to the checkpoint."""

    file: ModelFile
    agreement: Agreement


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What ``export_checkpoint`` made; ``perplexity`` is the checkpoint's own, in fp32."""

    folder: Path
    manifest: Manifest
    files: tuple[ExportedFile, ...]
    perplexity: float


def export_checkpoint(
    checkpoint: str | Path,
    folder: Path,
    *,
    formats: Sequence[str] = FORMATS,
    quantize: Sequence[str] = QUANTIZATIONS,
    name: str,
    dialect: str | None = None,
    license: str | None = None,
    source: str | None = None,
    description: str = "",
    license_text: str | None = None,
    prompts: Sequence[str] = (),
    text: str | None = None,
    calibration: Sequence[str] = (),
    fused: bool = False,
    on_progress: Progress = lambda _: None,
) -> ExportReport:
    """Turn a Hugging Face checkpoint, a folder or a hub name, into the model folder ``folder``.

    Of the quantizations in ``variants.KNOWN``, those are made that are asked for and belong to a
    format that is, too. ``dialect``, ``license`` and ``source`` are taken from the checkpoint
    unless given. Every file is compared with the checkpoint on ``text`` (one of our own unless
    given), and greedily after ``prompts``, before anything appears at ``folder``; a model folder
    that stands there is replaced, anything else is left alone. With texts for ``calibration``,
    llama.cpp's quantizations are weighed by an importance matrix that is measured on them.
    ``fused`` ONNX graphs have attention as one operation, which only onnxruntime knows.
    ``on_progress`` is told, in a few words, what begins.

    Raises ``RequestError`` for arguments that make no export, ``ModelNotFoundError`` and
    ``ModelFormatError`` for the checkpoint, ``DependencyError``, and ``DisagreementError``, with
    the report, where an export differs from its checkpoint by more than ``agreement.TOLERANCES``:
    none of the files is kept then.
    """
    variants = choose(formats, quantize, weighed=bool(calibration))
    _check_target(folder)
    located = locate(checkpoint)
    opened = Checkpoint.open(located.folder)
    draft = replace(
        _describe(opened, name, dialect),
        description=description or f"{name}, exported by ondevice",
        license=license or read_license(located.folder) or "unknown",
        source=source or located.source,
    )
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    partial.mkdir(parents=True)
    try:
        if license_text is not None:
            (partial / "LICENSE").write_text(license_text, encoding="utf-8")
        shutil.copyfile(opened.folder / "tokenizer.json", partial / "tokenizer.json")
        _write_onnx(partial, opened, variants, fused, on_progress)
        _write_gguf(partial, opened, variants, draft.name, calibration, on_progress)
        replace(draft, files=_measure(partial, variants)).write(partial)  # read by the backends
        with opened.for_transformers() as readable:
            reference = Reference(readable, held_text() if text is None else text)
        report = _prove(partial, reference, draft, variants, prompts, on_progress)
        _require_agreement(report, reference, partial)
        _put_in_place(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return replace(report, folder=folder)


def _describe(checkpoint: Checkpoint, name: str, dialect: str | None) -> Manifest:
    """Return what the checkpoint says about itself, its files and origin left out."""
    chosen = choose_dialect(checkpoint, dialect)
    return Manifest(
        name=name,
        description="",
        dialect=chosen,
        prompt_template=prompt_template(checkpoint, chosen),
        context_length=checkpoint.context_length,
        end_tokens=(checkpoint.end_token,),
        license="",
        source="",
        parameters=checkpoint.count_parameters(),
        files=(),
    )


def _check_target(folder: Path) -> None:
    if not folder.exists() or (folder / MANIFEST_NAME).is_file():
        return
    if not folder.is_dir() or any(folder.iterdir()):
        raise RequestError(
            f"{folder} exists and is no model folder; name another one, or remove it first"
        )


def _write_onnx(
    partial: Path,
    checkpoint: Checkpoint,
    variants: Sequence[Variant],
    fused: bool,
    on_progress: Progress,
) -> None:
    wanted = [variant for variant in variants if variant.format == "onnx"]
    if not wanted:
        return
    graph = partial / GRAPH
    on_progress(f"exporting {GRAPH}")
    with checkpoint.for_transformers() as readable:
        export_onnx(readable, graph, fused=fused)
    for variant in wanted:
        if variant.quantization == "int8":
            on_progress(f"exporting {variant.file}")
            quantize_int8(graph, partial / variant.file, embedding=True)
        elif variant.quantization == "int4":
            on_progress(f"exporting {variant.file}")
            quantize_int4(graph, partial / variant.file)


def _write_gguf(
    partial: Path,
    checkpoint: Checkpoint,
    variants: Sequence[Variant],
    name: str,
    calibration: Sequence[str],
    on_progress: Progress,
) -> None:
    wanted = [variant for variant in variants if variant.format == "gguf"]
    importance = None
    if calibration and any(variant.quantization in BY_LLAMA_CPP for variant in wanted):
        on_progress("measuring which weights matter")
        importance = _importance(checkpoint, calibration)
    source = partial / _UNQUANTIZED
    for variant in wanted:
        path, quantization = partial / variant.file, variant.quantization
        on_progress(f"exporting {variant.file}")
        if quantization not in BY_LLAMA_CPP:
            export_gguf(checkpoint, path, quantization, name=name)
            continue
        if not source.exists():
            export_gguf(checkpoint, source, "f32", name=name)
        quantize_gguf(source, path, quantization, importance=importance)
    source.unlink(missing_ok=True)


def _importance(checkpoint: Checkpoint, calibration: Sequence[str]) -> Importance:
    """Return the importance of columns by the tensors' GGUF names."""
    name_of = tensor_namer(checkpoint)
    measured = measure_importance(checkpoint, calibration)
    return {new: weights for old, weights in measured.items() if (new := name_of(old))}


def _prove(
    partial: Path,
    reference: Reference,
    draft: Manifest,
    variants: Sequence[Variant],
    prompts: Sequence[str],
    on_progress: Progress,
) -> ExportReport:
    """Compare every file, write the manifest, and return what was measured."""
    agreements = []
    for variant in variants:
        on_progress(f"comparing {variant.file} with the checkpoint")
        path = partial / variant.file
        agreement = _compare(reference, path, prompts)
        if variant.quantization == "int8" and agreement.greedy_equal < agreement.greedy_total:
            agreement = _try_exact_embedding(reference, path, prompts, agreement)
        agreements.append(agreement)
    if GRAPH not in {variant.file for variant in variants}:
        (partial / GRAPH).unlink(missing_ok=True)
    manifest = replace(draft, files=_measure(partial, variants))
    manifest.write(partial)
    pairs = zip(manifest.files[: len(variants)], agreements, strict=True)
    files = tuple(ExportedFile(*pair) for pair in pairs)
    return ExportReport(partial, manifest, files, reference.perplexity())


def _compare(reference: Reference, path: Path, prompts: Sequence[str]) -> Agreement:
    with open_backend(path) as backend:
        return compare(reference, backend, prompts)


def _try_exact_embedding(
    reference: Reference, path: Path, prompts: Sequence[str], coarse: Agreement
) -> Agreement:
    """Replace ``path`` by a graph whose embedding is fp32 where that writes more of the
    checkpoint's text."""
    candidate = path.with_name("candidate.onnx")
    quantize_int8(path.with_name(GRAPH), candidate, embedding=False)
    fine = _compare(reference, candidate, prompts)
    if fine.greedy_equal <= coarse.greedy_equal:
        candidate.unlink()
        return coarse
    candidate.replace(path)
    return fine


def _require_agreement(report: ExportReport, reference: Reference, partial: Path) -> None:
    complaints = []
    for file, agreement in ((exported.file, exported.agreement) for exported in report.files):
        quantization = str(file.quantization)
        if complaint := agreement.complaint(quantization):
            path = partial / file.path
            place = layers.locate(reference, path, TOLERANCES[quantization].mean)
            complaints.append(
                f"{file.path} is not the same model as its checkpoint: {complaint}; {place}"
            )
    if complaints:
        raise DisagreementError(". ".join([*complaints, "Nothing is kept of it"]), report)


def _measure(partial: Path, variants: Sequence[Variant]) -> tuple[ModelFile, ...]:
    weights = [ModelFile.measure(partial, v.file, v.backend, v.quantization) for v in variants]
    beside = [name for name in _BESIDE if (partial / name).exists()]
    return (*weights, *(ModelFile.measure(partial, name) for name in beside))


def _put_in_place(partial: Path, folder: Path) -> None:
    if folder.exists():
        old = partial.with_suffix(".old")
        folder.rename(old)
        partial.rename(folder)
        shutil.rmtree(old)
    else:
        partial.rename(folder)
