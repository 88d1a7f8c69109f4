"""``ondevice lsp``: a language server for editors."""

from __future__ import annotations

import logging
import sys
from enum import StrEnum
from typing import Annotated

import typer

from ondevice.cli.options import BackendName, ModelName


class Level(StrEnum):
    """What is logged."""

    WARNING = "warning"
    INFO = "info"
    DEBUG = "debug"


def lsp(
    model: ModelName = None,
    backend: BackendName = None,
    log_level: Annotated[Level, typer.Option(help="What is logged to stderr.")] = Level.WARNING,
    stdio: Annotated[bool, typer.Option("--stdio", hidden=True)] = False,
) -> None:
    """Serve an editor: a language server.

    It speaks LSP 3.18 on stdin and stdout, and offers edits and inline completion. A comment
    `# ondevice: REQUEST` gets a code action that carries it out.

    Exit code: 0 after the editor's shutdown and exit, 1 when it went away without, 3 model or
    dependency missing.
    """
    from ondevice.lsp.server import Server
    from ondevice.lsp.settings import Settings

    debugging = log_level is Level.DEBUG
    logging.basicConfig(
        stream=sys.stderr,
        level=log_level.name,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    # What pygls logs of errors are tracebacks; the errors themselves go to the client.
    logging.getLogger("pygls").setLevel(logging.DEBUG if debugging else logging.CRITICAL)
    if sys.stdin.isatty():
        typer.echo("waiting for an editor: this speaks the Language Server Protocol", err=True)
    raise typer.Exit(Server(Settings(model=model, backend=backend)).run())
