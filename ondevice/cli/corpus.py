"""``ondevice corpus``: training data from packages and source trees."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ondevice.cli.columns import columns, size
from ondevice.cli.exits import INTERRUPTED
from ondevice.errors import RequestError

if TYPE_CHECKING:
    from ondevice.corpora import Report, Settings, Source


class Piece(StrEnum):
    """What rows are made of."""

    files = "files"
    functions = "functions"
    both = "both"


class Docstring(StrEnum):
    """What a function's program keeps of its docstring."""

    summary = "summary"
    whole = "whole"
    none = "none"


def corpus(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to make.")],
    tree: Annotated[
        list[Path] | None, typer.Option(help="A folder of sources.  [repeatable]")
    ] = None,
    tree_license: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SPDX", help="Its license: one for all trees, or one each.  [default: read]"
        ),
    ] = None,
    package: Annotated[
        list[str] | None, typer.Option(help="An installed package.  [repeatable]")
    ] = None,
    installed: Annotated[bool, typer.Option("--installed", help="All installed packages.")] = False,
    site: Annotated[
        Path | None,
        typer.Option(help="Environment that they are installed in.  [default: this one]"),
    ] = None,
    stdlib: Annotated[bool, typer.Option("--stdlib", help="The standard library.")] = False,
    piece: Annotated[
        Piece, typer.Option(help="Whole files, functions that stand alone, or both.")
    ] = Piece.both,
    docstring: Annotated[
        Docstring, typer.Option(help="What a function keeps of its docstring.")
    ] = Docstring.summary,
    tests: Annotated[bool, typer.Option("--tests", help="Take test files, too.")] = False,
    max_size: Annotated[int, typer.Option(min=1, help="Bytes of the largest file.")] = 300_000,
    max_lines: Annotated[int, typer.Option(min=1, help="Lines of the longest function.")] = 60,
    threshold: Annotated[
        float, typer.Option(help="Similarity from which on rows are duplicates.")
    ] = 0.75,
    against: Annotated[
        list[Path] | None,
        typer.Option(help="A benchmark (JSONL, JSON, Parquet) to keep out.  [repeatable]"),
    ] = None,
    against_column: Annotated[
        list[str] | None,
        typer.Option(help="Its column to look at.  [repeatable; default: prompts and solutions]"),
    ] = None,
    ngram: Annotated[int, typer.Option(help="Tokens in a row that count as shared.")] = 10,
    common: Annotated[
        int, typer.Option(min=1, help="Packages above which what is shared is boilerplate.")
    ] = 5,
    held_out: Annotated[
        float, typer.Option(metavar="SHARE", help="Share of packages for held-out.jsonl.")
    ] = 0.0,
    salt: Annotated[str, typer.Option(help="Another salt holds others out.")] = "ondevice",
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace the corpus that OUT holds.")
    ] = False,
) -> None:
    """Make a corpus of Python for training.

    OUT gets train.jsonl, report.json and DATASHEET.md, which say what is in it, what was left out,
    and why.
    """
    from ondevice.corpora import Settings, build

    settings = Settings(
        pieces=("files", "functions") if piece is Piece.both else (piece.value,),
        tests=tests,
        max_size=max_size,
        max_lines=max_lines,
        docstring=docstring.value,
        threshold=threshold,
        against=tuple(against or ()),
        against_columns=tuple(against_column or ()),
        ngram=ngram,
        common=common,
        held_out=held_out,
        salt=salt,
    )
    settings.check()
    chosen = _sources(tree or [], tree_license or [], package or [], installed, site, stdlib)
    command = shlex.join(["ondevice", *sys.argv[1:]])
    try:
        sources = list(chosen)
        report = build(
            sources, out, settings, replace=replace, command=command, on_progress=_progress()
        )
    except KeyboardInterrupt:
        typer.echo("interrupted; nothing was written", err=True)
        raise typer.Exit(INTERRUPTED) from None
    typer.echo(_summary(report, settings), err=True)
    print(out)


def _sources(
    trees: list[Path],
    tree_licenses: list[str],
    names: list[str],
    everything: bool,
    site: Path | None,
    stdlib: bool,
) -> Iterator[Source]:
    from ondevice import corpora

    if not (trees or names or everything or stdlib):
        raise RequestError("name a source: --stdlib, --installed, --package or --tree")
    if tree_licenses and len(tree_licenses) not in (1, len(trees)):
        raise RequestError("state one --tree-license for all trees, or one for each --tree")
    if stdlib:
        yield corpora.standard_library()
    if everything or names:
        yield from corpora.installed([] if everything else names, site)
    for number, tree in enumerate(trees):
        stated = tree_licenses[number % len(tree_licenses)] if tree_licenses else None
        yield corpora.source_tree(tree, stated)


def _progress() -> Callable[[int, int, int], None]:
    """Return what shows on stderr how far it is: in place on a terminal, else now and then."""
    live = sys.stderr.isatty()
    every = 0.2 if live else 30.0
    last = time.monotonic()

    def tell(done: int, total: int, rows: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < every and not (live and done == total):
            return
        last = now
        text = f"{done:,} of {total:,} files, {rows:,} rows"
        print(f"\r{text}" if live else text, file=sys.stderr, end="" if live else "\n", flush=True)
        if live and done == total:
            print(f"\r{' ' * len(text)}\r", file=sys.stderr, end="", flush=True)

    return tell


def _summary(report: Report, settings: Settings) -> str:
    rows = []
    for part in ("train", "held-out") if settings.held_out else ("train",):
        for kind in ("file", "function", "class"):
            part_size = report.size(part, kind)
            if part_size.rows:
                text = f"{part_size.rows:,} rows, {size(part_size.bytes)}"
                rows.append((part, kind, f"{text}, {part_size.tokens:,} tokens"))
        if not report.size(part).rows:
            rows.append((part, "", "no rows"))
    refused = sum(bool(one.left_out) for one in report.packages)
    rows.append(("packages", "taken", f"{len(report.packages) - refused:,}"))
    rows.append(("packages", "left out", f"{refused:,}"))
    for what in ("files", "definitions", "rows"):
        for reason, count in report.total(what).most_common():
            rows.append((f"{what} left out", reason, f"{count:,}"))
    return columns(rows)
