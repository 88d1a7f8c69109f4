from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ondevice.errors import DataError
from ondevice.evaluation.samples import SCHEMA, Store, other_measurement, read_samples
from tests.evaluation.makers import make_sample

HEADER: dict[str, Any] = {"suite": "small", "samples": 2, "machine": {"cores": 2}}


def test_every_sample_is_in_the_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    with Store(path, HEADER) as store:
        for number in range(3):
            store.add(make_sample(number=number, program="é\ud800\n"))
            lines = path.read_text().splitlines()
            assert len(lines) == number + 2
    header, samples = read_samples(path)
    assert header == {"schema": SCHEMA, **HEADER}
    assert samples == [make_sample(number=number, program="é\ud800\n") for number in range(3)]


def test_a_run_is_taken_up_and_a_torn_line_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    with Store(path, HEADER) as store:
        store.add(make_sample())
        store.add(make_sample(number=1))
    whole = path.read_bytes()
    first = whole.rstrip(b"\n").rfind(b"\n") + 1
    for cut in range(len(whole) - 1, first - 1, -40):
        path.write_bytes(whole[:cut])
        assert len(read_samples(path)[1]) == 1
        with Store(path, {**HEADER, "machine": {"cores": 64}}) as store:
            assert store.samples == [make_sample()]
            store.add(make_sample(number=1))
        assert path.read_bytes() == whole


@pytest.mark.parametrize("left", [b"", b'{"schema": "ondevice-sam'])
def test_a_torn_header_is_written_anew(tmp_path: Path, left: bytes) -> None:
    path = tmp_path / "s.jsonl"
    path.write_bytes(left)
    with Store(path, HEADER) as store:
        assert store.samples == []
        store.add(make_sample())
    assert read_samples(path)[0]["suite"] == "small"


def test_another_measurement_is_not_mixed_in(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    with Store(path, HEADER) as store:
        store.add(make_sample())
    before = path.read_bytes()
    with pytest.raises(DataError, match=r"another measurement \(samples 2, not 3\).*--restart"):
        Store(path, {**HEADER, "samples": 3})
    assert path.read_bytes() == before
    with Store(path, {**HEADER, "samples": 3}, restart=True) as store:
        assert store.samples == []


def test_what_is_stored_of_something_else_is_told(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    assert other_measurement(path, HEADER) is None
    with Store(path, HEADER), pytest.raises(DataError, match="another run is writing"):
        other_measurement(path, HEADER)
    assert other_measurement(path, HEADER) is None
    assert other_measurement(path, {**HEADER, "samples": 3}) == "samples 2, not 3"
    assert other_measurement(path, {**HEADER, "machine": {"cores": 4}}) == "cores 2, not 4"
    path.write_text("no samples\n")
    assert "no file of samples" in (other_measurement(path, HEADER) or "")


def test_weights_are_told_apart_since_they_are_recorded(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    Store(path, HEADER).close()
    Store(path, {**HEADER, "weights_sha256": "a"}).close()
    path.unlink()
    Store(path, {**HEADER, "weights_sha256": "a"}).close()
    with pytest.raises(DataError, match="weights_sha256 'a', not 'b'"):
        Store(path, {**HEADER, "weights_sha256": "b"})


def test_one_run_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    with Store(path, HEADER), pytest.raises(DataError, match="another run is writing"):
        Store(path, HEADER)
    Store(path, HEADER).close()


def test_without_a_path_samples_stay_in_memory() -> None:
    with Store(None, HEADER) as store:
        store.add(make_sample())
        assert store.samples == [make_sample()]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["[1]"], "does not begin with 'ondevice-samples/1'"),
        (["nonsense"], "is no file of samples"),
        ([json.dumps({"schema": SCHEMA}), "{}"], "line 2 is no sample"),
        ([json.dumps({"schema": SCHEMA}), "x"], "line 2 is no sample"),
    ],
)
def test_what_is_no_file_of_samples(tmp_path: Path, lines: list[str], message: str) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text("".join(f"{line}\n" for line in lines))
    with pytest.raises(DataError, match=message):
        read_samples(path)
    with pytest.raises(DataError, match=message):
        Store(path, HEADER)
