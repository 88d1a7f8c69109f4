"""``ondevice models pull``: a model from the Hugging Face hub, by download or by export."""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ondevice.cli.columns import size
from ondevice.errors import DependencyError

if TYPE_CHECKING:
    from ondevice.catalogue.pull import Plan, Tell

_LINE_EVERY = 10.0
"""Seconds between two lines where there is no terminal."""
_EXPORT_NEEDS = ("torch", "transformers", "optimum", "onnx", "gguf", "safetensors")


def pull(
    model: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="A name that `list` shows, org/name on the hub, or org/name:file.gguf.",
        ),
    ],
    quantize: Annotated[
        str | None,
        typer.Option(
            help="Which quantization: q4_k_m, q8_0, f16 ...  [default: q4_k_m if there is one]"
        ),
    ] = None,
    revision: Annotated[
        str | None, typer.Option(help="A commit, tag or branch.  [default: the catalogue's]")
    ] = None,
) -> None:
    """Fetch a model from the Hugging Face hub.

    A GGUF file is taken as it is. Where only a checkpoint is published, it is exported, which needs
    the extra `export` and memory for its weights. What breaks off is gone on with by the same
    command; nothing counts as a model before it is whole and has the hub's checksums.
    """
    from ondevice.catalogue.pull import pull as fetch

    with _progress() as tell:
        manifest, is_new = fetch(
            model,
            quantization=quantize,
            revision=revision,
            export=_export,
            on_plan=_announce,
            on_wait=tell_waiting,
            tell=tell,
        )
    total = size(sum(file.bytes for file in manifest.files))
    if is_new:
        print(f"{manifest.name}: {total}, {manifest.license}. Use it with --model {manifest.name}")
    else:
        print(f"{manifest.name}: {total}, here already")


def tell_waiting() -> None:
    """Say that another process has the model's folder."""
    typer.echo("waiting for another process that is at this model", err=True)


def _announce(plan: Plan) -> None:
    """Say what will be fetched, before that a missing package would make it useless."""
    name, total = plan.repository.name, size(plan.bytes)
    typer.echo(f"{name}: {len(plan.files)} files, {total}, {plan.repository.license}", err=True)
    if not plan.is_checkpoint:
        return
    missing = [name for name in _EXPORT_NEEDS if importlib.util.find_spec(name) is None]
    if missing:
        raise DependencyError(
            f"{name} is published as a checkpoint, and to export it needs {', '.join(missing)}. "
            "Install it with: pip install 'ondevice[export,gguf]'"
        )
    typer.echo(
        f"it is a checkpoint, and exported after the download; have {size(3 * plan.bytes)} of "
        "memory free (one and a half times its weights in float32, if they are stored in 16 bits)",
        err=True,
    )


def _export(plan: Plan, checkpoint: Path, folder: Path) -> None:
    from ondevice.export import export_checkpoint

    wanted = plan.reference.quantization
    quantizations = [wanted] if wanted else ["q8_0", "int8"]
    if not wanted and importlib.util.find_spec("llama_cpp") is None:
        quantizations = ["int8"]  # every file is run before it is trusted
    export_checkpoint(
        checkpoint,
        folder,
        quantize=quantizations,
        name=plan.reference.name,
        license=plan.repository.license,
        source=plan.source,
        on_progress=lambda step: typer.echo(step, err=True),
    )


@contextmanager
def _progress() -> Iterator[Tell]:
    """Show on stderr how much is there: a bar on a terminal, elsewhere a line now and then."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None, start=False)

        def tell(name: str, done: int, total: int) -> None:
            if not progress.tasks[0].started:
                progress.start_task(task)
            progress.update(task, description=name, completed=done, total=total)

        yield tell


class _Lines:
    def __init__(self) -> None:
        self._next = time.monotonic() + _LINE_EVERY

    def __call__(self, name: str, done: int, total: int) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _LINE_EVERY
            print(f"{name}: {size(done)} of {size(total)}", file=sys.stderr, flush=True)
