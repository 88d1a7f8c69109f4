"""The formats that a corpus may have: which one a path is, and how it is read and written."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from ondevice.errors import DataError
from ondevice.lintseq.formats import jsonl
from ondevice.lintseq.formats.jsonl import JsonlSource
from ondevice.lintseq.formats.source import Source, Span, identity
from ondevice.lintseq.parts import Parts
from ondevice.lintseq.rows import Settings

__all__ = ["Kind", "Source", "Span", "check_target", "identity", "join", "kind_of", "open_source"]


class Kind(Enum):
    """A format."""

    JSONL = "JSONL"
    GZIP = "JSONL with gzip"
    PARQUET = "Parquet"
    FOLDER = "a folder of Hugging Face datasets"

    @property
    def is_table(self) -> bool:
        """Whether rows are stored in columns."""
        return self in (Kind.PARQUET, Kind.FOLDER)


_LINES = (".jsonl", ".jsonlines", ".ndjson")
_ENDINGS = {
    **dict.fromkeys(_LINES, Kind.JSONL),
    **{f"{ending}.gz": Kind.GZIP for ending in _LINES},
    ".parquet": Kind.PARQUET,
}
_OTHERS = {b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "Zstandard", b"PK\3\4": "zip"}
_KNOWN = ".jsonl, .jsonl.gz, .parquet, or no ending for a folder of Hugging Face datasets"


def kind_of(target: Path) -> Kind:
    """Return the format that the name of an output asks for; raises ``DataError`` for none."""
    for ending, kind in _ENDINGS.items():
        if target.name.lower().endswith(ending):
            return kind
    if target.suffix:
        raise DataError(f"no format is known for the name {target.name}; it may end in {_KNOWN}")
    return Kind.FOLDER


def source_kind(path: Path) -> Kind:
    """Return the format of a source by what it holds; raises ``DataError`` for none of ours."""
    if path.is_dir():
        return Kind.FOLDER
    with path.open("rb") as file:
        if not file.seekable():
            raise DataError(f"{path} can be read only once; save it as a file first")
        head = file.read(8)
    if head.startswith(b"PAR1") or path.suffix == ".parquet":
        return Kind.PARQUET
    if head.startswith(b"\x1f\x8b") or path.suffix == ".gz":
        return Kind.GZIP
    for magic, name in _OTHERS.items():
        if head.startswith(magic):
            raise DataError(f"{path} is a {name} file, which is not read; there are {_KNOWN}")
    if head.startswith(b"ARROW1"):
        raise DataError(f"{path} is an Arrow file; give the folder that datasets saved it in")
    return Kind.JSONL


def open_source(path: Path, field: str, *, into_table: bool) -> Source:
    """Open a source.

    When the output is a table as well, rows carry only their programs; the rest is put to them
    when the parts are joined, so that every type stays as it is. Raises ``DataError`` where the
    source is damaged or holds no programs, ``DependencyError`` for a package that is missing, and
    ``OSError`` when it cannot be opened.
    """
    kind = source_kind(path)
    if not kind.is_table:
        return JsonlSource(path, zipped=kind is Kind.GZIP)
    from ondevice.lintseq.formats.tables import FolderSource, ParquetSource

    chosen = ParquetSource if kind is Kind.PARQUET else FolderSource
    return chosen(path, field, whole=not into_table)


def check_target(target: Path) -> None:
    """Raise now what would be raised once the work is done."""
    if kind_of(target).is_table:
        from ondevice.lintseq.formats.tables import require

        require("pyarrow.parquet")
        if kind_of(target) is Kind.FOLDER:
            require("datasets")
    if not target.parent.is_dir():
        raise FileNotFoundError(2, "No such folder", str(target.parent))
    if not target.exists():
        return
    if kind_of(target) is not Kind.FOLDER:
        if target.is_dir():
            raise DataError(f"{target} is a folder; choose another name to write to")
        return
    from ondevice.lintseq.formats.writers import is_ours_to_replace

    if not target.is_dir() or not is_ours_to_replace(target):
        raise DataError(f"{target} is there and is no data set; choose another name to write to")


def join(parts: Parts, source: Source, target: Path, settings: Settings, rows: int) -> None:
    """Make the output of all parts, of ``rows`` rows of the source each."""
    kind = kind_of(target)
    if not kind.is_table:
        jsonl.join(parts, target, zipped=kind is Kind.GZIP)
        return
    from ondevice.lintseq.formats import writers
    from ondevice.lintseq.formats.tables import TableSource

    tables: writers.Tables
    if isinstance(source, TableSource):
        tables = writers.MergedTables(source, parts, rows, settings.field)
    else:
        tables = writers.InferredTables(parts, settings.field)
    write = writers.write_parquet if kind is Kind.PARQUET else writers.write_folder
    write(tables, target, parts.folder)
