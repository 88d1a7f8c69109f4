"""The same rows from Ray, one of whose workers is killed."""

from __future__ import annotations

import gzip
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from ondevice.errors import CheckError, DependencyError
from ondevice.lintseq import refactor_file


def write(path: Path, count: int) -> Path:
    rows = [
        {"id": number, "program": f"x{number} = 1\ny = x{number}  # {'crash' * (number == 30)}\n"}
        for number in range(count)
    ]
    rows[5]["program"] = None  # type: ignore[assignment]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode()))
    return path


@pytest.mark.usefixtures("hostile_linters")
def test_a_worker_of_ray_is_killed(tmp_path: Path) -> None:
    pytest.importorskip("ray.data")
    source = write(tmp_path / "in.jsonl.gz", 60)
    calm, target = tmp_path / "calm.jsonl", tmp_path / "out.jsonl"
    options: dict[str, Any] = {"workers": 2, "part_rows": 8}
    undisturbed = refactor_file(source, calm, linter="none", **options)
    calls: list[tuple[int, int]] = []
    summary = refactor_file(
        source,
        target,
        linter="assassin",
        engine="ray",
        on_progress=lambda *done: calls.append(done),
        **options,
    )
    assert Path(os.environ["ASSASSIN"]).exists()  # it did kill
    assert summary == undisturbed
    assert target.read_bytes() == calm.read_bytes()
    for name in ("calm.jsonl", "out.jsonl"):
        assert (tmp_path / f"{name}.rejected.jsonl").read_bytes().count(b"no program") == 1
    assert len(calls) == 60
    assert calls[-1][0] == calls[-1][1]
    assert not list(tmp_path.glob(".*"))


def test_a_cluster_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray.data")
    monkeypatch.setenv("RAY_ADDRESS", "nonsense")
    with pytest.raises(CheckError, match="Ray does not start"):
        refactor_file(write(tmp_path / "in.jsonl.gz", 9), tmp_path / "out.jsonl", engine="ray")
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl.gz"]


def test_without_ray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(DependencyError, match="pip install 'ondevice\\[ray\\]'"):
        refactor_file(write(tmp_path / "in.jsonl.gz", 9), tmp_path / "out.jsonl", engine="ray")
