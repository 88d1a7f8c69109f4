"""``ondevice corpus``: Python for training, from packages under permissive licenses."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ondevice.cli.columns import columns
from ondevice.errors import RequestError

if TYPE_CHECKING:
    from ondevice.corpora import Source

_EVERY = 2.0
"""Seconds between two lines of progress."""


class Piece(StrEnum):
    """What is taken from a file."""

    files = "files"
    functions = "functions"


def corpus(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to make.")],
    package: Annotated[
        list[str] | None, typer.Option(help="An installed package; may be repeated.")
    ] = None,
    installed: Annotated[bool, typer.Option("--installed", help="All installed packages.")] = False,
    site: Annotated[
        Path | None, typer.Option(help="Where they are installed.  [default: in this Python]")
    ] = None,
    stdlib: Annotated[bool, typer.Option("--stdlib", help="The standard library.")] = False,
    tree: Annotated[
        list[Path] | None, typer.Option(help="A folder of sources; may be repeated.")
    ] = None,
    tree_license: Annotated[
        str | None, typer.Option(help="The SPDX license of those folders.  [default: read there]")
    ] = None,
    piece: Annotated[
        list[Piece] | None, typer.Option(help="files or functions.  [default: both]")
    ] = None,
    against: Annotated[
        list[Path] | None,
        typer.Option(help="A benchmark's file, to keep out what it shares; may be repeated."),
    ] = None,
    against_column: Annotated[
        list[str] | None, typer.Option(help="Its columns to look at.  [default: the usual ones]")
    ] = None,
    words: Annotated[int, typer.Option(help="Words in a row that count as shared.")] = 10,
    similarity: Annotated[float, typer.Option(help="From which on texts are duplicates.")] = 0.75,
    held_out: Annotated[float, typer.Option(help="Share of packages kept from training.")] = 0.0,
    tests: Annotated[bool, typer.Option("--tests", help="Take test files in.")] = False,
    max_size: Annotated[int, typer.Option(min=1, help="Bytes of the largest file.")] = 200_000,
) -> None:
    """Make a corpus of Python for training.

    Only from packages whose metadata state a permissive license; without generated files,
    duplicates, and what benchmarks share. OUT/DATASHEET.md says what is in it.
    """
    from ondevice.corpora import Settings, build, distributions, standard_library
    from ondevice.corpora import tree as source_tree

    if not (package or installed or stdlib or tree):
        raise RequestError("name a source: --package, --installed, --stdlib or --tree")
    sources: list[Source] = []
    if package or installed:
        sources += distributions(package or (), site)
    if stdlib:
        sources.append(standard_library())
    sources += [source_tree(folder, tree_license) for folder in tree or ()]
    settings = Settings(
        pieces=tuple(one.value for one in piece or list(Piece)),
        tests=tests,
        max_size=max_size,
        threshold=similarity,
        against=tuple(against or ()),
        against_columns=tuple(against_column or ()),
        n=words,
        held_out=held_out,
    )
    report = build(sources, out, settings, _teller())
    rows = [
        (f"{part} {kind} rows", f"{count:,}")
        for part in ("train", "held-out")
        for kind, count in sorted(report.rows(part).items())
    ]
    refused = sum(bool(one.problem) for one in report.sources)
    rows += [("packages", str(len(report.sources) - refused)), ("packages refused", str(refused))]
    rows += [(f"left out, {reason}", f"{n:,}") for reason, n in report.left_out().most_common()]
    typer.echo(columns(rows), err=True)
    print(out)


def _teller() -> Callable[[str, int], None]:
    last = time.monotonic()

    def tell(source: str, rows: int) -> None:
        nonlocal last
        if time.monotonic() - last >= _EVERY:
            last = time.monotonic()
            print(f"{rows:,} rows, reading {source}", file=sys.stderr, flush=True)

    return tell
