"""Options that commands share, so that they read alike everywhere."""

from __future__ import annotations

from typing import Annotated

import typer

ModelName = Annotated[
    str | None,
    typer.Option("--model", "-m", help="Name, file or folder.  [default: the bundled model]"),
]
BackendName = Annotated[
    str | None, typer.Option(help="onnx or llama_cpp.  [default: what is installed]")
]
Retries = Annotated[
    int, typer.Option(min=0, help="How often to try an edit again that fails its check.")
]
MaxTokens = Annotated[int, typer.Option(min=1, help="Longest sequence of edits.")]
