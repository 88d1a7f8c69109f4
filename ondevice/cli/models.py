"""``ondevice models``: which models there are, whether they are whole, how they come and go."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ondevice.catalogue import (
    KnownModel,
    Manifest,
    ModelFile,
    ModelSource,
    bundled_models,
    find_damage,
    installed_models,
    known_models,
    resolve,
)
from ondevice.cli import pulling
from ondevice.cli.columns import columns, size
from ondevice.errors import ModelError, ModelFormatError, ModelNotFoundError, RequestError

app = typer.Typer(
    no_args_is_help=True,
    help="""List, show, fetch, verify and remove models.

    A model goes by the name that `list` shows, in every command that takes --model. Models that are
    fetched lie in the system's place for data, or below the folder that ONDEVICE_DATA names. The
    hub's own variables hold: HF_HOME, HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE.
    """,
)
app.command("pull")(pulling.pull)

Name = Annotated[str, typer.Argument(metavar="NAME", help="A model's name, file or folder.")]


@app.command("list")
def list_models() -> None:
    """List the models that are here, and those that can be pulled."""
    rows: list[tuple[str, ...]] = [("NAME", "SIZE", "FORMATS", "DIALECT", "LICENSE", "WHERE")]
    here = bundled_models() | installed_models()
    rows += [_row(name, folder) for name, folder in here.items()]
    print(columns(rows))
    rows = [("TO BE PULLED", "PARAMETERS", "BY", "DIALECT", "LICENSE", "FROM")]
    for model in known_models().values():
        if model.name not in here:
            kind = (f"{model.parameters} M", _way(model), model.dialect, _license(model))
            rows.append((model.name, *kind, model.repository))
    print(f"\n{columns(rows)}")


@app.command()
def show(name: Name = "tiny") -> None:
    """Show what is in a model.

    That is what it says about itself, its files, and how fast they decode on this machine if
    `ondevice bench latency` has measured it. Of a model that is not here, what is known.
    """
    try:
        source = resolve(name)
    except ModelNotFoundError:
        if name not in known_models():
            raise
        print(columns(_about_known(known_models()[name])))
        return
    if source.manifest is None and source.path.suffix.lower() == ".gguf":
        print(columns(_about_gguf(source.path)))
        return
    manifest = _manifest(source)
    print(columns(_about(manifest, _folder(source))))
    print()
    rows = [("FILE", "SIZE", "BACKEND", "QUANTIZATION", "TOKENS/S HERE", "SHA-256")]
    for file in manifest.files:
        kind = (file.backend or "-", file.quantization or "-", _speed(_folder(source), file))
        rows.append((file.path, size(file.bytes), *kind, file.sha256))
    print(columns(rows))


@app.command()
def verify(name: Name = "tiny") -> None:
    """Compare files with recorded checksums.

    Exit code: 0 if all sizes and checksums are as recorded, 3 otherwise.
    """
    source = resolve(name)
    manifest = _manifest(source)
    if damage := find_damage(_folder(source), manifest):
        listed = "; ".join(f"{path} {what}" for path, what in damage.items())
        raise ModelFormatError(
            f"{source.name} in {_folder(source)} is damaged: {listed}. Install, pull or export it "
            "again"
        )
    total = size(sum(file.bytes for file in manifest.files))
    print(f"{source.name}: {len(manifest.files)} files, {total}, all as recorded")


@app.command()
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of a pulled model.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete a model that was pulled.

    Those that come with the package stay.
    """
    from ondevice.catalogue.installed import find_installed, locked
    from ondevice.catalogue.installed import remove as remove_folder

    if name in bundled_models():
        raise RequestError(f"{name} comes with this package and stays")
    folder = find_installed(name)
    if folder is None:
        pulled = ", ".join(installed_models()) or "none"
        raise ModelNotFoundError(f"no model {name!r} was pulled; these were: {pulled}")
    total = size(sum(file.stat().st_size for file in folder.iterdir()))
    if not yes:
        typer.confirm(f"Delete {name} ({total}) from {folder}?", abort=True, err=True)
    with locked(folder, pulling.tell_waiting):
        remove_folder(folder)
    print(f"{name}: {total} deleted")


def _row(name: str, folder: Path) -> tuple[str, ...]:
    try:
        manifest = Manifest.read(folder)
    except ModelError:
        return (name, "-", "damaged", "-", "-", str(folder))
    formats = ", ".join(
        dict.fromkeys(f"{file.backend} {file.quantization}" for file in _weights(manifest))
    )
    total = size(sum(file.bytes for file in manifest.files))
    return (name, total, formats, manifest.dialect, manifest.license, str(folder))


def _about(manifest: Manifest, folder: Path) -> list[tuple[str, str]]:
    template = manifest.prompt_template
    return [
        ("name", manifest.name),
        ("description", manifest.description),
        ("parameters", f"{manifest.parameters:,}"),
        ("context", f"{manifest.context_length} tokens"),
        ("dialect", manifest.dialect),
        ("prompt", repr(template) if template else "by the chat template of its files"),
        ("ends with", " ".join(manifest.end_tokens) or "what its files say"),
        ("license", manifest.license),
        ("source", manifest.source),
        ("where", str(folder)),
    ]


def _about_known(model: KnownModel) -> list[tuple[str, str]]:
    return [
        ("name", model.name),
        ("description", model.about),
        ("parameters", f"{model.parameters:,} million"),
        ("context", f"{model.context} tokens"),
        ("dialect", model.dialect),
        ("license", _license(model)),
        ("source", f"{model.repository}@{model.revision}"),
        ("where", f"not on this machine; ondevice models pull {model.name} fetches it"),
    ]


def _about_gguf(path: Path) -> list[tuple[str, str]]:
    from ondevice.catalogue.gguf_model import read_gguf
    from ondevice.catalogue.pull import quantization_of

    model = read_gguf(path)
    return [
        ("name", path.stem),
        ("architecture", model.architecture),
        ("parameters", f"{model.parameters:,}"),
        ("quantization", f"{quantization_of(path.name)}, by its name"),
        ("context", f"{model.context_length} tokens"),
        ("dialect", model.dialect or "none: it cannot be asked for edits"),
        ("license", model.license or "unknown"),
        ("where", str(path)),
    ]


def _speed(folder: Path, file: ModelFile) -> str:
    """Return what ``ondevice bench latency`` last measured of a file on this machine."""
    from ondevice.probing import Probes

    if not file.backend or not (folder / file.path).is_file():
        return "-"
    speed = Probes(folder / file.path, file.backend).speed()
    return f"{speed:,}" if speed else "-"


def _way(model: KnownModel) -> str:
    return "download" if model.published == "gguf" else "export"


def _license(model: KnownModel) -> str:
    return f"{model.license} (to be accepted)" if model.gated else model.license


def _weights(manifest: Manifest) -> list[ModelFile]:
    return [file for file in manifest.files if file.backend]


def _manifest(source: ModelSource) -> Manifest:
    if source.manifest is None:
        raise ModelFormatError(f"{source.path} has no ondevice.json that tells about it")
    return source.manifest


def _folder(source: ModelSource) -> Path:
    return source.path if source.path.is_dir() else source.path.parent
