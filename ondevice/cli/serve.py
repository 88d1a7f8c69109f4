"""``ondevice serve``: a local server for editors, scripts and the browser."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from ondevice.cli.options import BackendName, ModelName
from ondevice.errors import DependencyError, RequestError


def serve(
    model: ModelName = None,
    backend: BackendName = None,
    host: Annotated[
        str, typer.Option(help="Address to listen at; all but this machine's own need a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8765,
    token_file: Annotated[
        Path | None,
        typer.Option(
            help="File with the token that clients must send.  [default: "
            "$ONDEVICE_API_KEY, or none]"
        ),
    ] = None,
    sequences: Annotated[
        int | None,
        typer.Option(min=1, help="Samples decoded at once, of all requests.  [default: up to 16]"),
    ] = None,
    queue: Annotated[
        int, typer.Option(min=0, help="Requests that may wait; more are told to come back.")
    ] = 64,
    idle: Annotated[
        float,
        typer.Option(min=0, help="Minutes after which an unused model is unloaded; 0: never."),
    ] = 15.0,
    max_seconds: Annotated[
        float, typer.Option(min=0.001, help="Longest time to decode one request.")
    ] = 300.0,
    mixed: Annotated[
        bool,
        typer.Option(
            "--mixed",
            help="Compute all requests in one batch, even where that changes what each gives, as "
            "with int8 ONNX: faster, but a seed no longer fixes a program.",
        ),
    ] = False,
    grace: Annotated[
        float, typer.Option(min=0, help="Seconds that requests may take to finish at the end.")
    ] = 30.0,
    context: Annotated[
        int | None, typer.Option(min=1, help="Context length in tokens.  [default: the model's]")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads to compute with.  [default: one per core]")
    ] = None,
) -> None:
    """Serve a model over HTTP and a page, on this machine.

    OpenAI's clients work with http://127.0.0.1:8765/v1 as their base_url; POST /v1/edits streams
    the events that `generate --format json` prints. `ondevice.serving` documents the rest.

    Ctrl-C lets running requests finish; a second one does not.
    """
    import ondevice

    try:
        from ondevice.serving.decoder import Decoder
        from ondevice.serving.server import Server
        from ondevice.serving.settings import Settings
    except ModuleNotFoundError as error:
        raise DependencyError(
            f"{error.name} is not installed; serve needs it: pip install 'ondevice[serve]'"
        ) from None

    settings = Settings(
        host=host,
        port=port,
        token=_token(token_file),
        queue=queue,
        idle_seconds=60 * idle,
        grace_seconds=grace,
        max_seconds=max_seconds,
    )

    def load() -> ondevice.Model:
        return ondevice.load(
            model, backend=backend, context_length=context, threads=threads, sequences=sequences
        )

    decoder = Decoder(load, queued=queue, idle_seconds=settings.idle_seconds, mixed=mixed)
    Server(decoder, settings).serve_until_stopped(
        lambda url: typer.echo(f"{decoder.name} is served at {url} (Ctrl-C stops)", err=True)
    )


def _token(file: Path | None) -> str | None:
    """Return the token from a file, or from the environment."""
    if file is None:
        return os.environ.get("ONDEVICE_API_KEY") or None
    try:
        token = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"the token in {file} cannot be read: {error}") from error
    if not token:
        raise RequestError(f"{file} is empty; write a token into it")
    return token
