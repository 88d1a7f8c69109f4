"""``ondevice models``: which models there are, and whether they are whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ondevice.catalogue import (
    Manifest,
    ModelFile,
    ModelSource,
    bundled_models,
    find_damage,
    resolve,
)
from ondevice.cli.columns import columns, size
from ondevice.errors import ModelFormatError

app = typer.Typer(no_args_is_help=True, help="List, show and verify models.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="A model's name, file or folder.")]


@app.command("list")
def list_models() -> None:
    """List the models that are on this machine."""
    rows = [("NAME", "SIZE", "FORMATS", "DIALECT", "LICENSE", "WHERE")]
    for name, folder in bundled_models().items():
        manifest = Manifest.read(folder)
        formats = ", ".join(f"{file.backend} {file.quantization}" for file in _weights(manifest))
        total = size(sum(file.bytes for file in manifest.files))
        rows.append((name, total, formats, manifest.dialect, manifest.license, str(folder)))
    print(columns(rows))


@app.command()
def show(name: Name = "tiny") -> None:
    """Show what a model says about itself, and its files."""
    source = resolve(name)
    manifest = _manifest(source)
    print(
        columns(
            [
                ("name", manifest.name),
                ("description", manifest.description),
                ("parameters", f"{manifest.parameters:,}"),
                ("context", f"{manifest.context_length} tokens"),
                ("dialect", manifest.dialect),
                ("prompt", repr(manifest.prompt_template)),
                ("ends with", " ".join(manifest.end_tokens)),
                ("license", manifest.license),
                ("source", manifest.source),
                ("where", str(_folder(source))),
            ]
        )
    )
    print()
    rows = [("FILE", "SIZE", "BACKEND", "QUANTIZATION", "SHA-256")]
    for file in manifest.files:
        kind = (file.backend or "-", file.quantization or "-")
        rows.append((file.path, size(file.bytes), *kind, file.sha256))
    print(columns(rows))


@app.command()
def verify(name: Name = "tiny") -> None:
    """Compare a model's files with their recorded sizes and checksums; exit 3 if they differ."""
    source = resolve(name)
    manifest = _manifest(source)
    if damage := find_damage(_folder(source), manifest):
        listed = "; ".join(f"{path} {what}" for path, what in damage.items())
        raise ModelFormatError(
            f"{source.name} in {_folder(source)} is damaged: {listed}. Install or export it again"
        )
    total = size(sum(file.bytes for file in manifest.files))
    print(f"{source.name}: {len(manifest.files)} files, {total}, all as recorded")


def _weights(manifest: Manifest) -> list[ModelFile]:
    return [file for file in manifest.files if file.backend]


def _manifest(source: ModelSource) -> Manifest:
    if source.manifest is None:
        raise ModelFormatError(f"{source.path} has no ondevice.json that tells about it")
    return source.manifest


def _folder(source: ModelSource) -> Path:
    return source.path if source.path.is_dir() else source.path.parent
