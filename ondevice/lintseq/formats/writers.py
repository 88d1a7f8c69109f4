"""Outputs that are tables: the parts are put together with what their rows had before."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from ondevice.errors import DataError
from ondevice.files import replacing
from ondevice.lintseq.formats.shapes import shape_of
from ondevice.lintseq.formats.tables import TableSource, require
from ondevice.lintseq.parts import Parts
from ondevice.lintseq.rows import NUMBER

_GROUP_ROWS = 10_000
_GROUP_BYTES = 64 << 20
_SHARD_BYTES = 500 << 20
"""Bytes of a file of a folder, as ``save_to_disk`` has them."""


class Tables(Protocol):
    """Tables that follow one another, and the schema that all of them have."""

    schema: Any

    def __iter__(self) -> Iterator[Any]:
        """Yield the tables."""


class MergedTables:
    """The rows of a source that is a table, with the new columns; all types stay as they are."""

    def __init__(self, source: TableSource, parts: Parts, rows: int, field: str) -> None:
        self._source, self._parts, self._rows, self._field = source, parts, rows, field
        self.schema = self._extended(source.schema)

    def __iter__(self) -> Iterator[Any]:
        """Yield a table a part."""
        arrow = require("pyarrow")
        for span in self._source.spans(self._rows):
            made = [json.loads(line) for line in self._parts.lines(span.number)]
            indices = [row[NUMBER] - span.first for row in made]
            old = self._source.table(span).take(arrow.array(indices, arrow.int64()))
            columns = [
                arrow.array([row[field.name] for row in made], field.type)
                if field.name in (self._field, "edits", "sequence")
                else old[field.name]
                for field in self.schema
            ]
            yield arrow.Table.from_arrays(columns, schema=self.schema)

    def _extended(self, schema: Any) -> Any:
        arrow = require("pyarrow")
        metadata = schema.metadata or {}
        place = schema.get_field_index(self._field)
        if place < 0:
            schema = schema.append(arrow.field(self._field, arrow.string()))
        elif not arrow.types.is_large_string(schema.field(place).type):
            schema = schema.set(place, arrow.field(self._field, arrow.string()))
        schema = schema.append(arrow.field("edits", arrow.list_(arrow.string())))
        schema = schema.append(arrow.field("sequence", arrow.string())).remove_metadata()
        if b"huggingface" in metadata:
            features = require("datasets").Features
            old = features.from_arrow_schema(self._source.schema)
            new = features.from_arrow_schema(schema)
            kept = {name: old[name] for name in old if name != self._field}
            schema = features({name: kept.get(name, new[name]) for name in new}).arrow_schema
        return schema


class InferredTables:
    """Rows of JSON as tables."""

    def __init__(self, parts: Parts, field: str) -> None:
        self._parts = parts
        lines = (line for number in range(parts.count) for line in parts.lines(number))
        self._shape = shape_of(lines, [field, "edits", "sequence"])
        # A sequence of edits is a list, even where no program has any.
        self._shape.fields["edits"].kind = "list"
        self._shape.fields["edits"].item = self._shape.fields["sequence"]
        self.schema = require("pyarrow").schema(self._shape.arrow(require("pyarrow")))

    def __iter__(self) -> Iterator[Any]:
        """Yield a table a part."""
        arrow = require("pyarrow")
        for number in range(self._parts.count):
            rows = [self._shape.fit(json.loads(line)) for line in self._parts.lines(number)]
            yield arrow.Table.from_pylist(rows, schema=self.schema)


def write_parquet(tables: Tables, target: Path, folder: Path) -> None:
    """Write tables to a Parquet file, which lies in ``folder`` until it is whole."""
    parquet = require("pyarrow.parquet")
    with (
        replacing(target, folder) as file,
        parquet.ParquetWriter(file, tables.schema, compression="zstd") as writer,
    ):
        for table in _grouped(tables):
            writer.write_table(table, row_group_size=max(1, table.num_rows))


def write_folder(tables: Tables, target: Path, folder: Path) -> None:
    """Write tables as a folder that ``datasets.load_from_disk`` reads.

    The files are written here instead of by ``save_to_disk``, which goes through a cache and
    gives every run a fingerprint of its own.
    """
    arrow, features = require("pyarrow"), require("datasets").Features
    made = folder / "joined"
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir()
    try:
        kept = features.from_arrow_schema(tables.schema)
    # pyarrow's and datasets' words for a type that they do not know.
    except (ValueError, TypeError, NotImplementedError) as error:
        raise DataError(f"Hugging Face datasets has no such column: {error}") from error
    shards = list(_write_shards(tables, kept.arrow_schema, made, arrow))
    digest = hashlib.sha256()
    names = []
    for number, shard in enumerate(shards):
        with shard.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
        names.append(f"data-{number:05}-of-{len(shards):05}.arrow")
        shard.rename(made / names[-1])
    state: dict[str, Any] = {
        "_data_files": [{"filename": name} for name in names],
        "_fingerprint": digest.hexdigest()[:16],
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": None,
    }
    info = {"citation": "", "description": "", "features": kept.to_dict(), "homepage": ""}
    (made / "dataset_info.json").write_text(json.dumps({**info, "license": ""}, indent=2))
    (made / "state.json").write_text(json.dumps(state, indent=2))
    _take_place(made, target, folder / "previous")


def is_ours_to_replace(target: Path) -> bool:
    """Return whether a folder may be replaced: it is empty, or a data set."""
    return not any(target.iterdir()) or (target / "state.json").exists()


def _write_shards(tables: Tables, schema: Any, folder: Path, arrow: Any) -> Iterator[Path]:
    batches = _grouped(tables)
    table = next(batches, None)
    number = 0
    while table is not None or not number:
        path = folder / f"shard-{number:05}"
        with path.open("wb") as file, arrow.ipc.new_stream(file, schema) as writer:
            while table is not None and file.tell() < _SHARD_BYTES:
                writer.write_table(table.cast(schema), max_chunksize=1000)
                table = next(batches, None)
        number += 1
        yield path


def _take_place(made: Path, target: Path, previous: Path) -> None:
    shutil.rmtree(previous, ignore_errors=True)
    if target.exists():
        target.rename(previous)
    made.rename(target)


def _grouped(tables: Tables) -> Iterator[Any]:
    """Yield larger tables, as readers like them."""
    arrow = require("pyarrow")
    group: list[Any] = []
    for table in tables:
        if table.num_rows:
            group.append(table)
        large = sum(table.nbytes for table in group) >= _GROUP_BYTES
        if large or sum(table.num_rows for table in group) >= _GROUP_ROWS:
            yield arrow.concat_tables(group).combine_chunks()
            group = []
    if group:
        yield arrow.concat_tables(group).combine_chunks()
