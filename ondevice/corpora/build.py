"""The corpus itself: sources go in, rows come out, and each thing left out has its reason."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from ondevice.corpora import datasheet, filters, licenses, pieces
from ondevice.corpora.contamination import Contamination
from ondevice.corpora.duplicates import Duplicates
from ondevice.corpora.filters import Program, UnfitError
from ondevice.corpora.pieces import Piece
from ondevice.corpora.report import HELD_OUT, SCHEMA, TRAIN, Package, Removal, Report, Size
from ondevice.corpora.settings import Settings
from ondevice.corpora.sources import Source
from ondevice.corpora.tokens import parted, tokens_of
from ondevice.errors import DataError

Progress = Callable[[int, int, int], None]
"""Is told how many files are read, how many there are, and how many rows they gave."""


def build(
    sources: Sequence[Source],
    folder: Path,
    settings: Settings | None = None,
    *,
    replace: bool = False,
    command: str = "",
    on_progress: Progress | None = None,
) -> Report:
    """Make a corpus: train.jsonl, held-out.jsonl if asked for, report.json and DATASHEET.md.

    A row has ``kind`` (file, function or class), ``program``, ``source`` (distribution, version,
    path and line) and ``license``; functions and classes also ``name`` and ``instruction``, their
    signature with the first paragraph of the docstring. What comes out depends on the sources and
    the settings alone, not on the order of the sources.

    The folder appears whole, at the end; one that holds an earlier corpus is replaced only if
    ``replace`` says so. ``command`` is what the data sheet says it was made with.

    Raises:
        DataError: Settings that cannot be, a benchmark that cannot be read, no sources, or a folder
            that is there and is not to be replaced.
        DependencyError: datasketch, packaging or pyarrow is not installed.
        OSError: A file cannot be read or written.
    """
    settings = settings or Settings()
    settings.check()
    if not sources:
        raise DataError("there are no sources to make a corpus of")
    _check_folder(folder, replace)
    builder = _Builder(sources, settings, on_progress)
    with _appearing(folder) as partial:
        builder.run(partial)
        datasheet.write(builder.report, partial, command)
    return builder.report


def is_held_out(name: str, settings: Settings) -> bool:
    """Return whether a package is kept from training; its name and the salt alone decide."""
    digest = hashlib.sha256(f"{settings.salt}\n{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < settings.held_out * 2**64


class _Builder:
    """Writes all rows and remembers which share something; then goes through them once more.

    Whether what is shared is boilerplate is known only once all packages are read.
    """

    def __init__(
        self, sources: Sequence[Source], settings: Settings, on_progress: Progress | None
    ) -> None:
        self._settings = settings
        self._duplicates = Duplicates(settings.threshold)
        self.report = Report(settings, self._duplicates.parameters)
        self._contamination = Contamination(settings.ngram)
        for path in settings.against:
            benchmark = self._contamination.add(path, settings.against_columns)
            self.report.benchmarks.append(benchmark)
        ordered = sorted(sources, key=lambda source: source.order)
        self._parts = {TRAIN: [one for one in ordered if not is_held_out(one.name, settings)]}
        if settings.held_out:
            self._parts[HELD_OUT] = [one for one in ordered if is_held_out(one.name, settings)]
        self._tell = on_progress or (lambda done, total, rows: None)
        self._total = sum(len(one.files) for one in sources if not one.license.problem)
        self._done = self._rows = 0
        self._first: dict[str, int] = {}
        """By part: the number of its first row."""
        self._shared: dict[int, tuple[Package, tuple[int, ...]]] = {}
        """By the number of a row: its package, and the runs that it shares."""
        self._met: dict[int, set[str]] = {}
        """By run: the packages in which it was met."""

    def run(self, folder: Path) -> None:
        for part, sources in self._parts.items():
            self._first[part] = self._rows
            with (folder / f"{part}.all").open("wb") as file:
                for source in sources:
                    self._take(source, part, file)
        self._note_boilerplate()
        for part in self._parts:
            self._sift(folder, part)

    def _take(self, source: Source, part: str, file: IO[bytes]) -> None:
        license = source.license
        package = Package(
            *(source.name, source.version, license.expression, license.origin, part),
            left_out=license.problem or ("" if source.files else "no Python files"),
        )
        self.report.packages.append(package)
        if package.left_out:
            return
        own = _folder_licenses(source)
        for path, full in source.files:
            self._done += 1
            self._tell(self._done, self._total, self._rows)
            package.files += 1
            try:
                filters.check_path(path, tests=self._settings.tests)
                license_here = _license_at(path, own)
                program = filters.read_program(full, self._settings.max_size)
            except UnfitError as error:
                package.files_left_out[error.reason] += 1
                continue
            package.files_kept += 1
            stated = program.license or license_here or license.expression
            for piece in self._pieces(program, package):
                where = {
                    "distribution": source.name,
                    "version": source.version,
                    "path": path,
                    "line": piece.line,
                }
                self._offer(piece, package, where, stated, file)

    def _pieces(self, program: Program, package: Package) -> Iterator[Piece]:
        if "files" in self._settings.pieces:
            yield pieces.whole_file(program)
        if "functions" in self._settings.pieces:
            yield from pieces.standing_alone(
                program,
                max_lines=self._settings.max_lines,
                docstring=self._settings.docstring,
                left_out=package.definitions_left_out,
            )

    def _offer(
        self, piece: Piece, package: Package, where: dict[str, Any], license: str, file: IO[bytes]
    ) -> None:
        code, comments = parted(piece.program)
        tokens = tokens_of(code)
        if how := self._duplicates.seen(piece.kind, piece.program, tokens):
            package.rows_left_out[f"{how} duplicate"] += 1
            return
        streams = [tokens, tokens_of(comments)]
        if piece.instruction and self._settings.docstring == "none":
            streams.append(tokens_of(piece.instruction))
        if shared := self._contamination.shared(streams):
            self._shared[self._rows] = package, shared
            for run in shared:
                self._met.setdefault(run, set()).add(package.name)
        size = Size(1, len(piece.program.encode()), len(tokens))
        row = {
            "kind": piece.kind,
            **({"name": piece.name, "instruction": piece.instruction} if piece.name else {}),
            "program": piece.program,
            "source": where,
            "license": license,
        }
        file.write(json.dumps({"size": dataclasses.astuple(size), "row": row}).encode() + b"\n")
        package.kept[piece.kind].add(size)
        self._rows += 1

    def _note_boilerplate(self) -> None:
        found = [
            (self._contamination.overlap(run), len(packages))
            for run, packages in self._met.items()
            if len(packages) > self._settings.common
        ]
        self.report.boilerplate = sorted(found, key=lambda pair: (-pair[1], pair[0].ngram))

    def _sift(self, folder: Path, part: str) -> None:
        """Write the rows of a part for good, but for those that are contaminated."""
        unsifted = folder / f"{part}.all"
        with unsifted.open("rb") as lines, (folder / f"{part}.jsonl").open("wb") as file:
            for number, line in enumerate(lines, self._first[part]):
                content = json.loads(line)
                row = content["row"]
                package, shared = self._shared.get(number, (None, ()))
                rare = [run for run in shared if len(self._met[run]) <= self._settings.common]
                if package is None or not rare:
                    file.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
                    continue
                overlap = self._contamination.overlap(rare[0])
                self.report.removed.append(Removal(row["kind"], row["source"], overlap))
                package.rows_left_out["contaminated"] += 1
                package.kept[row["kind"]].add(Size(*content["size"]), -1)
        unsifted.unlink()


def _folder_licenses(source: Source) -> dict[str, licenses.License]:
    """Return the licenses that stand in folders of a source, which are those of the folders."""
    by_folder: dict[str, list[tuple[str, str]]] = {}
    for path, full in source.license_files:
        with contextlib.suppress(OSError):
            text = full.read_text(encoding="utf-8", errors="replace")
            by_folder.setdefault(path.rpartition("/")[0], []).append((path, text))
    return {folder: licenses.by_texts(texts) for folder, texts in by_folder.items()}


def _license_at(path: str, own: dict[str, licenses.License]) -> str:
    """Return the license of the nearest folder with one; raises ``UnfitError`` for a bad one."""
    folder = path
    while "/" in folder:
        folder = folder.rpartition("/")[0]
        if license := own.get(folder):
            if license.problem:
                raise UnfitError("license")
            return license.expression
    return ""


def _check_folder(folder: Path, replace: bool) -> None:
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not folder.is_dir():
        raise DataError(f"{folder} is a file; name a folder for the corpus")
    try:
        ours = json.loads((folder / "report.json").read_bytes()).get("schema") == SCHEMA
    except (OSError, ValueError, AttributeError):
        ours = False
    if not ours:
        raise DataError(f"{folder} is there and is no corpus; name another folder")
    if not replace:
        raise DataError(f"{folder} holds a corpus already; name another folder, or use --replace")


@contextlib.contextmanager
def _appearing(folder: Path) -> Iterator[Path]:
    """Give a folder to fill, which takes its place when the block ends well."""
    folder = Path(os.path.realpath(folder))
    folder.parent.mkdir(parents=True, exist_ok=True)
    room = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    new, old = room / "new", room / "old"
    try:
        new.mkdir()
        yield new
        if folder.exists():
            folder.rename(old)
        try:
            new.rename(folder)
        except OSError:
            if old.exists():
                old.rename(folder)
            raise
    finally:
        shutil.rmtree(room, ignore_errors=True)
