from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from ondevice.corpora.benchmarks import texts_of
from ondevice.corpora.contamination import Contamination
from ondevice.corpora.tokens import parted, run_hashes, tokens_of
from ondevice.errors import DataError

PROMPT = "Weigh every marmalade jar upon its wooden shelf, then sort them by colour of lid."
SOLUTION = (
    "def weigh_marmalade(jars):\n    # a secret remark on shelves\n"
    "    weighed = sorted(jars, key=lambda jar: jar.lid_colour)\n    return weighed[::-1]\n"
)
TEST = "assert weigh_marmalade([]) == [], 'no jar is lost from the wooden shelf of the larder'"
ROW = {"task_id": "jars/1", "prompt": PROMPT, "canonical_solution": SOLUTION, "test": TEST}


def write(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def found(path: Path, text: str, ngram: int = 10) -> list[str]:
    contamination = Contamination(ngram)
    contamination.add(path)
    code, comments = parted(text)
    shared = contamination.shared([tokens_of(code), tokens_of(comments)])
    return [contamination.overlap(key).ngram for key in shared]


def stored(tmp_path: Path, name: str) -> Path:
    path = tmp_path / name
    if name.endswith(".parquet"):
        pa = pytest.importorskip("pyarrow")
        parquet = pytest.importorskip("pyarrow.parquet")
        parquet.write_table(pa.Table.from_pylist([ROW]), path)
    elif name.endswith(".gz"):
        path.write_bytes(gzip.compress(json.dumps(ROW).encode() + b"\n"))
    elif name == "named.json":
        path.write_text(json.dumps({"jars/1": {"prompt": PROMPT, "canonical_solution": SOLUTION}}))
    elif name == "held.json":
        path.write_text(json.dumps({"version": 1, "data": [ROW]}))
    elif name == "list.json":
        path.write_text(json.dumps([ROW]))
    else:
        write(path, [ROW])
    return path


@pytest.mark.parametrize(
    "name", ["b.jsonl", "b.jsonl.gz", "b.parquet", "named.json", "held.json", "list.json"]
)
def test_formats(tmp_path: Path, name: str) -> None:
    texts = list(texts_of(stored(tmp_path, name)))
    assert texts == [("jars/1", PROMPT), ("jars/1", SOLUTION)]


def test_solutions_in_lists_and_in_lists_stored_as_json(tmp_path: Path) -> None:
    rows = [{"question": "one", "solutions": json.dumps(["a", "b"])}, {"solutions": ["c", "d"]}]
    path = write(tmp_path / "b.jsonl", rows)
    assert list(texts_of(path)) == [("1", "one"), ("1", "a"), ("1", "b"), ("2", "c"), ("2", "d")]
    assert list(texts_of(path, ["question"])) == [("1", "one")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("b.jsonl", b"{}\n"),
        ("b.jsonl", b"[1]\n"),
        ("b.jsonl", b"no json\n"),
        ("b.jsonl", b"\xff\xfe\n"),
        ("b.jsonl.gz", b"no gzip"),
        ("b.jsonl.gz", gzip.compress(b'{"prompt": "x"}\n')[:-9]),
        ("b.json", b'"text"'),
        ("b.json", b"[" * 100_000),
        ("b.parquet", b"PAR1 no table"),
    ],
)
def test_files_that_are_no_benchmarks(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=name):
        list(texts_of(path))


@pytest.mark.parametrize(
    "text",
    [
        SOLUTION,
        SOLUTION.replace("    # a secret remark on shelves\n", "").replace("    ", "  "),
        SOLUTION.replace("\n    return", "  # sorted\n\n    return"),
        f'def other():\n    """{PROMPT}"""\n    return 1\n',
        f"def other():\n    # {PROMPT.lower()[:60]}\n    return 1\n",
        "def other():\n    '''Weigh every marmalade jar upon\n    its wooden shelf, then sit.'''\n",
    ],
)
def test_what_shares_a_run_is_found(tmp_path: Path, text: str) -> None:
    assert found(write(tmp_path / "b.jsonl", [ROW]), text)


@pytest.mark.parametrize(
    "text",
    [
        "def weigh_marmalade(jars):\n    return sorted(jars)\n",
        "def other():\n    '''Weigh every marmalade jar upon its shelf.'''\n",
        f"{TEST}\n",  # tests are no column that is looked at
    ],
)
def test_what_shares_less_is_not(tmp_path: Path, text: str) -> None:
    assert found(write(tmp_path / "b.jsonl", [ROW]), text) == []


def test_runs_of_pythons_own_words_tell_nothing_unless_long(tmp_path: Path) -> None:
    plain = "for i in range(len(values)):\n    if values[i] is None:\n        return False\n"
    path = write(tmp_path / "b.jsonl", [{"code": plain}])
    assert found(path, f"def f(values):\n    {plain.splitlines()[0]}\n        pass\n") == []
    assert found(path, plain)


def test_short_texts_count_as_a_whole(tmp_path: Path) -> None:
    path = write(
        tmp_path / "b.jsonl",
        [{"prompt": "polish seven brass door knobs"}, {"prompt": "Sort jars."}],
    )
    path.write_text(path.read_text() + json.dumps({"prompt": "polish all seven brass door knobs"}))
    assert found(path, "# polish all seven brass door knobs\n") == [
        "polish all seven brass door knobs"
    ]
    assert found(path, "# polish seven brass door knobs\n") == []  # too short to tell
    assert found(path, "sort(jars)\n") == []


def test_the_first_row_that_has_a_run_is_named(tmp_path: Path) -> None:
    contamination = Contamination(10)
    rows = [
        {"id": "a", "prompt": "no"},
        {"id": "b", "prompt": PROMPT},
        {"id": "c", "prompt": PROMPT},
    ]
    benchmark = contamination.add(write(tmp_path / "b.jsonl", rows))
    contamination.add(write(tmp_path / "c.jsonl", rows))
    assert (benchmark.file, benchmark.rows, benchmark.texts) == ("b.jsonl", 3, 3)
    (first, *_) = contamination.shared([tokens_of(PROMPT)])
    overlap = contamination.overlap(first)
    assert (overlap.benchmark, overlap.row) == ("b.jsonl", "b")


def test_comments_in_strings_are_none() -> None:
    code, comments = parted("x = \"# no\"  # yes\ny = '''\n# no\n''' # it's\nz = \"\\\"#\"\n")
    assert comments == " yes\n it's"
    assert code.count("# no") == 2
    assert '"\\"#"' in code


def test_numbers_of_runs_are_equal_for_equal_runs_alone() -> None:
    words = list("abcdabceabcd")
    runs = run_hashes(words, 4).tolist()
    assert len(runs) == 9
    assert runs[0] == runs[8]
    assert len(set(runs)) == 8
    assert run_hashes(["x"], 2).tolist() == []
    # Of all processes alike, since nothing is drawn.
    assert run_hashes(["x", "y"], 2).tolist() == [16675008899903894540]
