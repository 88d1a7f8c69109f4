"""Options that commands share, so that they read alike everywhere."""

from __future__ import annotations

from pathlib import Path
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
Checks = Annotated[
    list[str] | None,
    typer.Option(
        "--check",
        metavar="CHECK",
        help="What each edit must pass: names (syntax, and every name is bound), syntax, "
        "ruff, pylint or none; several are asked in order.  [default: names]",
    ),
]
Depth = Annotated[int, typer.Option(min=0, help="How many accepted edits to withdraw after that.")]
Samples = Annotated[
    int,
    typer.Option("--samples", "-n", min=1, help="Programs to write together; the best is taken."),
]
TestsFile = Annotated[
    Path | None,
    typer.Option(help="A program of asserts; the first sample that passes ends the search."),
]
MaxSeconds = Annotated[float | None, typer.Option(min=0, help="Time after which to stop.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same program.")]
Temperature = Annotated[
    float | None,
    typer.Option(
        min=0,
        help="0 takes the likeliest token; 1 samples as trained.  [default: 0, or 1 with "
        "--samples]",
    ),
]
TopP = Annotated[
    float, typer.Option(min=0, max=1, help="Sample from this share of the probability.")
]
TopK = Annotated[int, typer.Option(min=0, help="Sample from this many tokens; 0 for all.")]
MinP = Annotated[
    float, typer.Option(min=0, max=1, help="Least probability, relative to the likeliest.")
]
Context = Annotated[
    int | None, typer.Option(min=1, help="Context length in tokens.  [default: the model's]")
]
Threads = Annotated[
    int | None, typer.Option(min=1, help="Threads to compute with.  [default: one per core]")
]
