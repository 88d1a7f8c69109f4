"""``ondevice models pull`` against a hub on loopback, through the hub's real client."""

from __future__ import annotations

import hashlib
import itertools
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.damage.gguf import F32_TENSOR, Gguf, Tensor
from tests.hub.machine import Machine
from tests.hub.server import COMMIT, TOKEN, Hub

from .conftest import FILE, NAME, SMALL, Run

CHUNK = 10 * 2**20
"""What the client writes at once: less than that does not come to the disk."""
_ROWS = bytes(2 * CHUNK + CHUNK // 2)
LARGE = replace(
    Gguf(), tensors=(*Gguf().tensors, Tensor("rows", (len(_ROWS) // 4,), _ROWS, F32_TENSOR))
).encode()


def folder(data: Path, name: str = "org--model") -> Path:
    return data / "models" / name


def assert_nothing(run: Run, data: Path) -> None:
    """Nothing is there that any command would take for a model."""
    assert not folder(data).exists()
    assert run("models", "verify", NAME).code == 3
    assert run("generate", "x", "--model", NAME).code == 3
    assert NAME not in run("models", "list").out


def test_a_model_is_fetched_and_used_by_its_name(hub: Hub, run: Run, data: Path) -> None:
    pytest.importorskip("llama_cpp")
    code, out, err = run("models", "pull", NAME)
    assert (code, out) == (0, f"{NAME}: 79.3 kB, apache-2.0. Use it with --model {NAME}\n")
    assert f"{NAME}: 1 files, 79.3 kB, apache-2.0" in err
    assert sorted(file.name for file in folder(data).iterdir()) == [FILE, "ondevice.json"]
    assert NAME in run("models", "list").out
    shown = run("models", "show", NAME).out
    assert f"source       {NAME}@{COMMIT}" in shown
    assert "parameters   18,592" in shown
    assert hashlib.sha256(SMALL).hexdigest() in shown
    assert run("models", "verify", NAME).out == f"{NAME}: 1 files, 79.3 kB, all as recorded\n"
    assert "unfinished" in run("generate", "x", "--model", NAME, "--max-tokens", "3").err


def test_what_is_here_is_not_fetched_again(hub: Hub, run: Run) -> None:
    run("models", "pull", NAME)
    hub.status = 500
    assert run("models", "pull", NAME).out == f"{NAME}: 79.3 kB, here already\n"
    assert run("models", "pull", NAME, "--revision", "main").code == 3
    hub.status = 0
    before = len(hub.ranges)
    assert "here already" in run("models", "pull", NAME, "--revision", "main").out
    assert len(hub.ranges) == before


def test_a_newer_revision_takes_the_place_of_the_old(hub: Hub, run: Run) -> None:
    run("models", "pull", NAME)
    hub.commit, hub.files = "f" * 40, {FILE: LARGE}
    assert "26.3 MB" in run("models", "pull", NAME, "--revision", "main").out
    assert run("models", "verify", NAME).code == 0
    assert f"@{'f' * 40}" in run("models", "show", NAME).out


def test_remove(hub: Hub, run: Run, data: Path) -> None:
    run("models", "pull", NAME)
    assert run("models", "remove", NAME, "--yes").code == 0
    assert_nothing(run, data)
    assert run("models", "remove", NAME, "--yes").code == 3
    assert run("models", "remove", "tiny", "--yes").code == 2


@pytest.mark.parametrize("cuts", [[CHUNK + 1000], [CHUNK * 2 + 5, 1000]])
def test_a_connection_that_is_cut_is_gone_on_with(
    hub: Hub, run: Run, data: Path, cuts: list[int]
) -> None:
    hub.files, hub.cut_after = {FILE: LARGE}, list(cuts)
    assert run("models", "pull", NAME).code == 0
    assert (folder(data) / FILE).read_bytes() == LARGE
    assert hub.ranges[0] is None
    assert hub.ranges[-1] == f"bytes={cuts[0] // CHUNK * CHUNK}-"


def test_a_hub_that_stays_away_leaves_no_model_and_loses_nothing(
    hub: Hub, run: Run, data: Path
) -> None:
    hub.files, hub.cut_after = {FILE: LARGE}, [CHUNK + 1, *[0] * 40]
    code, _, err = run("models", "pull", NAME)
    assert code == 3
    assert "cannot be fetched" in err
    assert "it will go on" in err
    assert_nothing(run, data)
    hub.cut_after.clear()
    assert run("models", "pull", NAME).code == 0
    assert hub.ranges[-1] == f"bytes={CHUNK}-"


def test_a_process_that_is_killed_leaves_no_model(
    hub: Hub, run: Run, data: Path, tmp_path: Path
) -> None:
    hub.files, hub.pause = {FILE: LARGE}, 0.005
    killed = Machine(hub.endpoint, tmp_path)
    killed.begin("models", "pull", NAME)
    wait_for(lambda: any(path.stat().st_size for path in data.rglob("*.incomplete")))
    killed.kill()
    hub.pause = 0
    assert_nothing(run, data)
    assert run("models", "pull", NAME).code == 0
    assert hub.ranges[0] is None
    assert hub.ranges[-1] is not None, "it began anew"
    assert run("models", "verify", NAME).code == 0


@pytest.mark.parametrize("lie", [SMALL[:-1] + b"x", SMALL[:-1], SMALL + b"x", b""])
def test_another_content_is_deleted(hub: Hub, run: Run, data: Path, lie: bytes) -> None:
    hub.lies = {FILE: lie}
    code, _, err = run("models", "pull", NAME)
    assert code == 3
    assert "checksum" in err or "bytes instead of" in err
    assert_nothing(run, data)
    assert not list(folder(data).parent.rglob("*.gguf"))
    hub.lies.clear()
    assert run("models", "pull", NAME).code == 0
    assert run("models", "verify", NAME).code == 0


@pytest.mark.parametrize("content", [b"GGUF", SMALL[:5000], b"<html>"])
def test_a_damaged_file_of_the_hub_is_no_model(
    hub: Hub, run: Run, data: Path, content: bytes
) -> None:
    hub.files = {FILE: content}
    code, _, err = run("models", "pull", NAME)
    assert code == 3
    assert "GGUF" in err or "damaged" in err
    assert_nothing(run, data)


def test_what_the_hub_does_not_give(hub: Hub, run: Run, data: Path) -> None:
    hub.missing = {FILE}
    assert "does not have" in run("models", "pull", NAME).err
    hub.status = 403
    assert "HTTP 403" in run("models", "pull", NAME).err
    hub.status = 0
    assert "no revision 'v1'" in run("models", "pull", NAME, "--revision", "v1").err
    assert "has no model org/other" in run("models", "pull", "org/other").err
    assert f"there is {FILE}" in run("models", "pull", f"{NAME}:other.gguf").err
    assert "there are q4_k_m" in run("models", "pull", NAME, "--quantize", "q8_0").err
    hub.files = {"README.md": b""}
    assert "holds no model" in run("models", "pull", NAME).err
    assert_nothing(run, data)


def test_a_gated_model_needs_a_token(hub: Hub, run: Run, data: Path) -> None:
    hub.gated = True
    code, _, err = run("models", "pull", NAME)
    assert code == 3
    assert "accepted its terms" in err
    assert "HF_TOKEN" in err
    assert_nothing(run, data)
    assert run("models", "pull", NAME, HF_TOKEN=TOKEN).code == 0


def test_a_slow_hub(hub: Hub, run: Run) -> None:
    hub.pause = 0.2
    assert run("models", "pull", NAME).code == 0


def test_a_full_disk(hub: Hub, run: Run, data: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no device that is always full")
    hub.files, hub.cut_after = {FILE: LARGE}, [CHUNK + 1, *[0] * 40]
    run("models", "pull", NAME)
    (begun,) = data.rglob("*.incomplete")
    begun.unlink()
    begun.symlink_to("/dev/full")
    hub.cut_after.clear()
    code, _, err = run("models", "pull", NAME)
    assert code == 3
    assert "the disk is full" in err
    assert_nothing(run, data)
    begun.unlink()
    assert run("models", "pull", NAME).code == 0


def test_a_disk_that_is_too_small(hub: Hub, run: Run, data: Path) -> None:
    lots = Gguf().encode()
    hub.files = {FILE: lots}
    # The size alone is what the hub says: no disk has room for that.
    info = hub.info()
    info["siblings"][0] |= {"size": 10**18, "lfs": info["siblings"][0]["lfs"] | {"size": 10**18}}
    hub.info = lambda: info  # type: ignore[method-assign]
    try:
        code, _, err = run("models", "pull", NAME)
    finally:
        del hub.info
    assert code == 3
    assert "needs 1,000,000,000.07 GB" in err
    assert "ONDEVICE_DATA" in err
    assert hub.ranges == []
    assert_nothing(run, data)


def test_of_two_at_once_one_waits_and_finds_it_done(
    hub: Hub, run: Run, machine: Machine, data: Path, tmp_path: Path
) -> None:
    hub.files, hub.pause = {FILE: LARGE}, 0.002
    other = Machine(hub.endpoint, tmp_path)
    other.begin("models", "pull", NAME)
    wait_for(lambda: bool(hub.ranges))
    second = run("models", "pull", NAME)
    first = other.end()
    other.kill()
    assert (first.code, second.code) == (0, 0)
    assert "Use it with" in first.out
    assert "waiting for another process" in second.err
    assert "here already" in second.out
    assert hub.ranges == [None]


def test_the_cache_of_the_hub_serves_offline(hub: Hub, tmp_path: Path) -> None:
    cached = tmp_path / "hf" / "hub" / "models--org--model"
    snapshot = cached / "snapshots" / COMMIT
    for path in (snapshot, cached / "refs", cached / "blobs"):
        path.mkdir(parents=True)
    (cached / "refs" / "main").write_text(COMMIT)
    blob = cached / "blobs" / hashlib.sha256(SMALL).hexdigest()
    blob.write_bytes(SMALL)
    (snapshot / FILE).symlink_to(os.path.relpath(blob, snapshot))
    offline = Machine(hub.endpoint, tmp_path, HF_HUB_OFFLINE="1")
    try:
        assert offline.run("models", "pull", NAME).code == 0
        assert offline.run("models", "verify", NAME).code == 0
        assert "HF_HUB_OFFLINE is set" in offline.run("models", "pull", "org/other").err
        offline.run("models", "remove", NAME, "--yes")
        blob.write_bytes(SMALL[:-1] + b"x")
        assert "another checksum" in offline.run("models", "pull", NAME).err
    finally:
        offline.kill()
    assert hub.requests == []


def wait_for(done: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    for _ in itertools.count():
        if done():
            return
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)
