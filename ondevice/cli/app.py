"""The application: its commands, and what becomes of errors.

Every error is one line on stderr and an exit code (see ``exits``), never a traceback.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from ondevice import __version__
from ondevice.cli import (
    bench,
    corpus,
    doctor,
    edit,
    export,
    generate,
    lintseq,
    lsp,
    models,
    serve,
    train,
)
from ondevice.cli.exits import STDOUT_CLOSED, UNUSABLE, USAGE
from ondevice.errors import ClosedError, ModelError, OndeviceError

# Without rich's markup, help costs a third of the time and reads the same in a pipe.
app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("generate")(generate.generate)
app.command("edit")(edit.edit)
app.command("lsp")(lsp.lsp)
app.add_typer(models.app, name="models")
app.add_typer(bench.app, name="bench")
app.command("doctor")(doctor.doctor)
app.command("export")(export.export)
app.command("corpus")(corpus.corpus)
app.command("lintseq")(lintseq.lintseq)
app.command("train")(train.train)
app.command("serve")(serve.serve)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"ondevice {__version__}")
        raise typer.Exit


@app.callback()
def ondevice(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Write programs on your own machine, as small diffs that are checked one by one.

    Start with:  ondevice generate "write fizzbuzz"
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    _prepare_streams()
    try:
        app(None if arguments is None else list(arguments), prog_name="ondevice")
    except SystemExit as request:
        code = request.code if isinstance(request.code, int) else int(request.code is not None)
    except (ModelError, ClosedError) as error:
        code = _report(str(error), UNUSABLE)
    except OndeviceError as error:
        code = _report(str(error), USAGE)
    except OSError as error:
        code = _report_system(error)
    except ModuleNotFoundError as error:
        missing = f"{error.name} is not installed; `ondevice doctor` shows what installs it"
        code = _report(missing, UNUSABLE)
    return _flush(code)


def _report(message: str, code: int) -> int:
    typer.echo(f"error: {' '.join(message.split())}", err=True)
    return code


def _report_system(error: OSError) -> int:
    where = f"{error.filename}: " if error.filename else ""
    return _report(f"{where}{error.strerror or error}", USAGE)


def _prepare_streams() -> None:
    """Make every stream usable, whatever the shell did to it and whatever is written."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:  # closed by the shell: `>&-`
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115
        elif mode == "w" and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _flush(code: int) -> int:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = STDOUT_CLOSED
    except OSError as error:
        code = _report_system(error)
    if code == STDOUT_CLOSED:
        # What is still buffered would raise again when the interpreter shuts down.
        with open(os.devnull, "w", encoding="utf-8") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
    return code
