"""The corpus itself: sources go in, rows come out; of what is left out the reason is kept."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from ondevice.corpora.contamination import Benchmarks
from ondevice.corpora.duplicates import Duplicates
from ondevice.corpora.files import UnfitError, check_path, read_program
from ondevice.corpora.pieces import Piece, standing_alone, whole_file
from ondevice.corpora.sources import Source
from ondevice.errors import DataError

TRAIN, HELD_OUT = "train", "held-out"
PIECES = ("files", "functions")
_SALT = "ondevice corpus 1"

Progress = Callable[[str, int], None]
"""Is told which source is read, and how many rows there are so far."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a corpus is made of. ``held_out`` is the share of packages kept from training."""

    pieces: tuple[str, ...] = PIECES
    tests: bool = False
    max_size: int = 200_000
    threshold: float = 0.75
    against: tuple[Path, ...] = ()
    against_columns: tuple[str, ...] = ()
    n: int = 10
    held_out: float = 0.0

    def check(self) -> None:
        """Raise ``DataError`` for what cannot be."""
        if not self.pieces or set(self.pieces) - set(PIECES):
            raise DataError(f"pieces are {' and '.join(PIECES)}, not {', '.join(self.pieces)}")
        if not 0 < self.threshold <= 1:
            raise DataError(f"the similarity must be above 0 and at most 1, not {self.threshold}")
        if not 0 <= self.held_out < 1:
            raise DataError(f"the share held out must be from 0 to below 1, not {self.held_out}")


@dataclass
class SourceReport:
    """What became of one source."""

    name: str
    version: str
    license: str
    license_from: str
    part: str = TRAIN
    problem: str = ""
    files: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    characters: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)


@dataclass
class Report:
    """What became of all; ``contaminated`` names each row that was removed for a benchmark."""

    settings: Settings
    sources: list[SourceReport] = field(default_factory=list)
    benchmarks: dict[str, int] = field(default_factory=dict)
    contaminated: list[dict[str, Any]] = field(default_factory=list)

    def rows(self, part: str) -> Counter[str]:
        """Return the number of rows of each kind in a part."""
        return sum((one.rows for one in self.sources if one.part == part), Counter())

    def characters(self, part: str) -> int:
        """Return the size of a part."""
        return sum(one.characters.total() for one in self.sources if one.part == part)

    def left_out(self) -> Counter[str]:
        """Return how often something was left out, by the reason."""
        return sum((one.left_out for one in self.sources), Counter())


def build(
    sources: Sequence[Source],
    folder: Path,
    settings: Settings | None = None,
    on_progress: Progress | None = None,
) -> Report:
    """Make a corpus in ``folder``: train.jsonl, held-out.jsonl, report.json and DATASHEET.md.

    A row has ``kind`` (file, function or class), ``instruction`` and ``summary`` (empty for a
    file), ``program``, ``package``, ``version``, ``path``, ``line`` and ``license``. The folder
    appears whole, at the end.

    Which of two duplicates is kept: what trains before what is held out, then the one whose
    package, path and line come first. Raises ``DataError`` for settings and benchmark files that
    cannot be used, and for a folder that is there already, ``DependencyError`` where a package is
    missing, and ``OSError`` when the folder cannot be written.
    """
    from ondevice.corpora.datasheet import write_report

    settings = settings or Settings()
    settings.check()
    if folder.exists():
        raise DataError(f"{folder} is there already; name another folder, or delete it")
    if not sources:
        raise DataError("no sources; name packages, a tree, or the standard library")
    builder = _Builder(settings, on_progress)
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        builder.run(sources, partial)
        write_report(builder.report, partial)
        partial.chmod(0o755)
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return builder.report


def is_held_out(name: str, share: float) -> bool:
    """Return whether a package is kept from training: by its name alone, on every machine alike."""
    digest = hashlib.sha256(f"{_SALT}\n{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


class _Builder:
    def __init__(self, settings: Settings, on_progress: Progress | None) -> None:
        self.report = Report(settings)
        self._settings = settings
        self._tell = on_progress or (lambda source, rows: None)
        self._duplicates = Duplicates(settings.threshold)
        self._benchmarks = Benchmarks(settings.n)
        for path in settings.against:
            rows = self._benchmarks.add_file(path, settings.against_columns)
            self.report.benchmarks[path.name] = rows
        self._rows = 0

    def run(self, sources: Sequence[Source], folder: Path) -> None:
        ordered = sorted(sources, key=lambda source: (source.name, source.version))
        held_out = [one for one in ordered if is_held_out(one.name, self._settings.held_out)]
        training = [one for one in ordered if one not in held_out]
        parts = [(TRAIN, training)]
        if self._settings.held_out:
            parts.append((HELD_OUT, held_out))
        for part, members in parts:
            with (folder / f"{part}.jsonl").open("w", encoding="ascii", newline="\n") as file:
                for source in members:
                    self._take(source, part, file)

    def _take(self, source: Source, part: str, file: IO[str]) -> None:
        license = source.license
        report = SourceReport(
            source.name, source.version, license.expression, license.origin, part, license.problem
        )
        self.report.sources.append(report)
        if license.problem:
            return
        for path, full in source.files:
            self._tell(source.name, self._rows)
            report.files += 1
            try:
                check_path(path, tests=self._settings.tests)
                pieces = list(self._pieces(full))
            except UnfitError as error:
                report.left_out[f"file: {error}"] += 1
                continue
            for piece in pieces:
                if self._is_new(piece, path, report):
                    row = {
                        **_columns(piece),
                        "package": source.name,
                        "version": source.version,
                        "path": path,
                        "line": piece.line,
                        "license": license.expression,
                    }
                    file.write(json.dumps(row) + "\n")
                    report.rows[piece.kind] += 1
                    report.characters[piece.kind] += len(piece.program)
                    self._rows += 1

    def _pieces(self, full: Path) -> Iterator[Piece]:
        program = read_program(full, self._settings.max_size)
        if "files" in self._settings.pieces:
            yield whole_file(program)
        if "functions" in self._settings.pieces:
            yield from standing_alone(program)

    def _is_new(self, piece: Piece, path: str, report: SourceReport) -> bool:
        key = f"{report.name}/{path}:{piece.line}"
        # The header with its docstring, which is the instruction, stands in the program, too.
        if overlap := self._benchmarks.overlap(piece.program):
            report.left_out[f"{piece.kind}: shares words with a benchmark"] += 1
            self.report.contaminated.append({"row": key, "kind": piece.kind, **asdict(overlap)})
            return False
        if repeated := self._duplicates.seen(piece.kind, key, piece.program):
            report.left_out[f"{piece.kind}: {repeated[0]} duplicate"] += 1
            return False
        return True


def _columns(piece: Piece) -> dict[str, Any]:
    return {
        "kind": piece.kind,
        "instruction": piece.instruction,
        "summary": piece.summary,
        "program": piece.program,
    }
