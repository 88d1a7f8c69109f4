"""Every format in, every format out, and nothing lost on the way."""

from __future__ import annotations

import datetime
import decimal
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from ondevice.cli import main
from ondevice.errors import DataError
from ondevice.lintseq import Summary, refactor_file

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
datasets = pytest.importorskip("datasets")

GOOD = "def f(a):\n    b = a + 1\n    return b\n\n\nprint(f(1))\n"
OTHER = "for i in range(3):\n    if i:\n        print(i)\n"
ROWS = [
    {"id": 1, "program": GOOD, "meta": {"tags": ["a", "é\0"], "x": 1.5}},
    {"id": 2, "program": "x = (", "meta": None},
    {"id": 3, "program": OTHER, "meta": {"tags": [], "x": None}},
    {"id": 4, "program": None, "meta": {"tags": ["b"], "x": 2.0}},
    {"id": 5, "program": OTHER + GOOD, "meta": {"tags": ["c"], "x": 2.0}},
]


def save(path: Path, rows: list[dict[str, Any]]) -> Path:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    if path.suffix == ".jsonl":
        path.write_text(text)
    elif path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    elif path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=2)
    else:
        datasets.Dataset.from_list(rows).save_to_disk(path)
    return path


def load(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.open()]
    if path.suffix == ".gz":
        return [json.loads(line) for line in gzip.open(path)]
    if path.suffix == ".parquet":
        rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
        return rows
    return list(datasets.load_from_disk(str(path)))


def content(path: Path) -> list[tuple[str, bytes]]:
    """Return all bytes of a file or folder."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return [(file.name, file.read_bytes()) for file in files]


def run(source: Path, target: Path, **options: Any) -> Summary:
    return refactor_file(source, target, workers=0, part_rows=2, **options)


ENDINGS = [".jsonl", ".jsonl.gz", ".parquet", ""]


@pytest.mark.parametrize("into", ENDINGS)
@pytest.mark.parametrize("of", ENDINGS)
def test_all_pairs(tmp_path: Path, of: str, into: str) -> None:
    reference = tmp_path / "reference.jsonl"
    run(save(tmp_path / "rows.jsonl", ROWS), reference)
    source, target = save(tmp_path / f"in{of}", ROWS), tmp_path / f"out{into}"
    assert str(run(source, target)) == "5 rows, 3 sequences, 2 rejected (unfit: 1, no program: 1)"
    assert load(target) == load(reference)
    before = content(target)
    run(source, target)  # in the place of the first
    assert content(target) == before
    assert not list(tmp_path.glob(".*"))
    rejected = load(tmp_path / f"out{into}.rejected.jsonl")
    assert [row["row"] for row in rejected] == [2, 4]


def test_a_source_is_known_by_what_it_holds(tmp_path: Path) -> None:
    for ending in (".jsonl.gz", ".parquet"):
        source = save(tmp_path / f"in{ending}", ROWS).rename(tmp_path / "data")
        assert run(source, tmp_path / "out.jsonl").sequences == 3


@pytest.mark.parametrize("into", [".parquet", ""])
def test_types_of_a_table_stay_as_they_are(tmp_path: Path, into: str) -> None:
    schema = pa.schema(
        {
            "when": pa.timestamp("us", "UTC"),
            "program": pa.large_string(),
            "raw": pa.binary(),
            "small": pa.int8(),
            "price": pa.decimal128(9, 2),
        }
    )
    now = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
    row = {"when": now, "raw": b"\xff\0", "small": 3, "price": decimal.Decimal("1.50")}
    table = pa.Table.from_pylist([{**row, "program": GOOD}, {**row, "program": OTHER}], schema)
    pq.write_table(table, tmp_path / "in.parquet")
    run(tmp_path / "in.parquet", tmp_path / f"out{into}", samples=2)
    rows = load(tmp_path / f"out{into}")
    assert [{name: found[name] for name in row} for found in rows] == [row] * 4
    if into:
        found = pq.read_schema(tmp_path / "out.parquet")
        assert [found.field(name) for name in schema.names] == list(schema)
    run(tmp_path / "in.parquet", tmp_path / "out.jsonl")
    first = load(tmp_path / "out.jsonl")[0]
    assert first["when"] == "2026-01-02T00:00:00+00:00"
    assert (first["raw"], first["price"]) == ("/wA=", "1.50")


def test_features_of_a_data_set_stay(tmp_path: Path) -> None:
    features = datasets.Features(
        {"program": datasets.Value("string"), "label": datasets.ClassLabel(names=["a", "b"])}
    )
    rows = [{"program": GOOD, "label": 1}]
    datasets.Dataset.from_list(rows, features=features).save_to_disk(tmp_path / "in")
    run(tmp_path / "in", tmp_path / "out")
    found = datasets.load_from_disk(str(tmp_path / "out"))
    assert found.features["label"] == features["label"]
    assert found[0]["label"] == 1


def test_rows_of_json_that_differ_become_a_table(tmp_path: Path) -> None:
    rows = [
        {"id": 1, "program": GOOD, "extra": {"a": 1}, "n": 1, "big": 1 << 70, "e": {}, "l": []},
        {"id": "two", "program": GOOD, "extra": {"b": [None, 2.5]}, "n": 2.5, "more": True},
        {"program": GOOD, "extra": None, "id": [3]},
    ]
    run(save(tmp_path / "in.jsonl", rows), tmp_path / "out.parquet")
    found = load(tmp_path / "out.parquet")
    assert [row["id"] for row in found] == ["1", "two", "[3]"]
    assert [row["extra"] for row in found] == [
        {"a": 1, "b": None},
        {"a": None, "b": [None, 2.5]},
        None,
    ]
    assert [row["n"] for row in found] == [1.0, 2.5, None]
    assert (found[0]["big"], found[0]["e"], found[0]["l"]) == (str(1 << 70), "{}", [])
    assert [row["more"] for row in found] == [None, True, None]


@pytest.mark.parametrize("into", ENDINGS)
def test_no_rows(tmp_path: Path, into: str) -> None:
    source = save(tmp_path / "in.jsonl", [])
    assert str(run(source, tmp_path / f"out{into}")) == "0 rows, 0 sequences"
    assert load(tmp_path / f"out{into}") == []


def test_text_that_a_table_cannot_hold(tmp_path: Path) -> None:
    rows = [{"program": GOOD, "x": "\ud800"}, {"program": GOOD, "x": "é"}]
    source = save(tmp_path / "in.jsonl", rows)
    assert str(run(source, tmp_path / "out.parquet")).endswith("1 rejected (no UTF-8: 1)")
    assert [row["x"] for row in load(tmp_path / "out.parquet")] == ["é"]


def test_text_of_a_table_that_is_no_text(tmp_path: Path) -> None:
    broken = pa.array([b"x = '\xff'", GOOD.encode()]).cast(pa.binary())
    column = pa.Array.from_buffers(pa.string(), 2, broken.buffers())
    pq.write_table(pa.table({"program": column}), tmp_path / "in.parquet")
    for name in ("out.jsonl", "out.parquet"):
        summary = run(tmp_path / "in.parquet", tmp_path / name)
        assert (summary.sequences, dict(summary.rejected)) == (1, {"no text": 1})


def test_several_programs_of_a_row_of_a_table(tmp_path: Path) -> None:
    rows = [{"id": 1, "programs": [GOOD, OTHER]}, {"id": 2, "programs": []}]
    run(save(tmp_path / "in.parquet", rows), tmp_path / "out.parquet")
    found = load(tmp_path / "out.parquet")
    assert [(row["id"], row["program"]) for row in found] == [(1, GOOD), (1, OTHER)]
    assert found[0]["programs"] == [GOOD, OTHER]


def test_a_large_row_group_is_read_from_its_middle(tmp_path: Path) -> None:
    rows = [{"id": number, "program": f"x{number} = 1\n"} for number in range(700)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "in.parquet", row_group_size=650)
    from ondevice.lintseq.formats import open_source

    source = open_source(tmp_path / "in.parquet", "program", into_table=False)
    spans = list(source.spans(60))
    for span in (spans[3], spans[10], spans[11], spans[0]):
        ids = [json.loads(row.line)["id"] for row in source.read(span)]
        assert ids == list(range(span.start, span.end))


class TestMistakes:
    @pytest.mark.parametrize(
        ("name", "message"),
        [("out.csv", "no format is known"), ("out.json", ".jsonl, .jsonl.gz, .parquet")],
    )
    def test_a_target_of_no_format(self, tmp_path: Path, name: str, message: str) -> None:
        with pytest.raises(DataError, match=message):
            run(save(tmp_path / "in.jsonl", ROWS), tmp_path / name)

    @pytest.mark.parametrize(
        ("name", "data", "message"),
        [
            ("in.parquet", b"PAR1 and no more", "cannot be read"),
            ("in.parquet", b"", "cannot be read"),
            ("in.jsonl.gz", gzip.compress(b"{}\n" * 9999)[:-20], "is damaged"),
            ("in.jsonl.gz", b'{"program": "x = 1"}\n', "is damaged"),
            ("in.jsonl.zst", b"\x28\xb5\x2f\xfd", "is a Zstandard file"),
        ],
    )
    def test_a_damaged_source(self, tmp_path: Path, name: str, data: bytes, message: str) -> None:
        (tmp_path / name).write_bytes(data)
        with pytest.raises(DataError, match=message):
            run(tmp_path / name, tmp_path / "out.jsonl")
        assert [path.name for path in tmp_path.iterdir()] == [name]

    @pytest.mark.parametrize(
        ("columns", "message"),
        [
            ({"code": [GOOD]}, "no column 'program' and no 'programs'; it has code; --field"),
            ({"program": [1]}, "holds int64, not text"),
            ({"program": [GOOD], "edits": [1]}, "has a column 'edits' already"),
        ],
    )
    def test_a_table_without_programs(
        self, tmp_path: Path, columns: dict[str, Any], message: str
    ) -> None:
        pq.write_table(pa.table(columns), tmp_path / "in.parquet")
        with pytest.raises(DataError, match=message):
            run(tmp_path / "in.parquet", tmp_path / "out.jsonl")

    def test_folders_that_are_no_data_sets(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        source = save(tmp_path / "in.jsonl", ROWS)
        folder = tmp_path / "folder"
        folder.mkdir()
        (folder / "precious").touch()
        assert main(["lintseq", str(folder), str(tmp_path / "out.jsonl")]) == 2
        assert main(["lintseq", str(source), str(folder)]) == 2
        assert main(["lintseq", str(source), str(tmp_path / "none" / "out.jsonl")]) == 2
        assert capsys.readouterr().err.count("error: ") == 3
        assert (folder / "precious").exists()

    def test_a_folder_of_splits(self, tmp_path: Path) -> None:
        rows = datasets.Dataset.from_list(ROWS)
        datasets.DatasetDict(train=rows, test=rows).save_to_disk(tmp_path / "in")
        with pytest.raises(DataError, match=r"choose one: .*train.*test"):
            run(tmp_path / "in", tmp_path / "out.jsonl")
        assert run(tmp_path / "in" / "train", tmp_path / "out.jsonl").sequences == 3
