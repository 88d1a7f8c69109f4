"""From sources to a measured base model, in a minute: corpus, edits, tokenizer, pretraining that is
killed and resumed, evaluation. The commands are those of models/corpus/README.md, but small."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("datasketch")
pytest.importorskip("packaging")

BENCH = Path(__file__).parents[2] / "bench"
TREES = {
    "learned": "ast calendar copy csv difflib fractions functools glob inspect pprint posixpath "
    "random shlex statistics string tokenize",
    "kept": "bisect colorsys fnmatch heapq keyword locale reprlib textwrap",
}
SALT = "ondevice 3"
"""With it, `kept` is held out and `learned` is not."""
STEPS = 24
RECIPE = f"""\
name = "mini"
seed = 3

[corpus]
folder = "corpus"
functions = 0.25
edits = 0.5
held_out_rows = 4

[tokenizer]
vocabulary = 768

[model]
layers = 2
width = 64
feed_forward = 128
heads = 2
context = 512

[training]
steps = {STEPS}
tokens_per_batch = 2048
tokens_per_pass = 1024
learning_rate = 1e-2
warmup = 2
evaluate_every = 8
checkpoint_minutes = 0
compile = false
"""


def ondevice(*arguments: object) -> str:
    command = [sys.executable, "-m", "ondevice.cli", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pipeline")
    stdlib = Path(sysconfig.get_paths()["stdlib"])
    for tree, modules in TREES.items():
        (folder / tree).mkdir()
        for name in modules.split():
            shutil.copy(stdlib / f"{name}.py", folder / tree)
    trees = [option for tree in TREES for option in ("--tree", folder / tree)]
    made = folder / "corpus"
    ondevice("corpus", made, *trees, "--tree-license", "PSF-2.0", "--held-out", 0.5, "--salt", SALT)
    for part in ("train", "held-out"):
        rows = made / f"{part}.jsonl"
        ondevice("lintseq", rows, made / f"{part}-edits.jsonl", "--max-size", 1500)
        assert rows.stat().st_size
    return made


@pytest.fixture(scope="module")
def recipe(corpus: Path) -> Path:
    path = corpus.parent / "mini.toml"
    path.write_text(RECIPE)
    return path


@pytest.fixture(scope="module")
def undisturbed(recipe: Path) -> Path:
    folder = recipe.parent / "undisturbed"
    ondevice("train", recipe, "--out", folder, "--threads", 1)
    return folder


def log(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def curves(folder: Path) -> list[dict[str, Any]]:
    """Return the log without the times."""
    return [{name: row[name] for name in row if name != "seconds"} for row in log(folder)]


def test_what_is_held_out_is_another_package(corpus: Path) -> None:
    for part, tree in (("train", "learned"), ("held-out", "kept")):
        lines = (corpus / f"{part}.jsonl").read_text(encoding="utf-8").splitlines()
        assert {json.loads(line)["source"]["distribution"] for line in lines} == {tree}


def test_the_loss_falls_on_all_that_is_held_out(undisturbed: Path) -> None:
    rows = log(undisturbed)
    assert [row["step"] for row in rows] == list(range(1, STEPS + 1))
    watched = [row for row in rows if "held-out files" in row]
    assert [row["step"] for row in watched] == [8, 16, 24]
    for kind in ("held-out files", "held-out functions", "held-out edits"):
        assert watched[-1][kind] < watched[0][kind] - 0.1
    (prompt, continuation), *_ = watched[-1]["samples"]
    assert "def " in prompt
    assert isinstance(continuation, str)


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_killed_run_has_the_same_curves(recipe: Path, undisturbed: Path) -> None:
    folder = recipe.parent / "killed"
    command = [sys.executable, "-m", "ondevice.cli", "train", recipe, "--out", folder]
    for at_least in (3, 13):
        with subprocess.Popen([*command, "--threads", "1"], stderr=subprocess.DEVNULL) as process:
            while process.poll() is None:
                written = folder / "log.jsonl"
                if written.exists() and written.read_bytes().count(b"\n") >= at_least:
                    process.send_signal(signal.SIGKILL)
                    break
                time.sleep(0.02)
        assert process.returncode == -signal.SIGKILL
    said = ondevice("train", recipe, "--out", folder, "--threads", 1)
    assert "resumed at step" in said
    assert curves(folder) == curves(undisturbed)
    name = "checkpoint/model.safetensors"
    assert (folder / name).read_bytes() == (undisturbed / name).read_bytes()


def test_two_processes_train_the_same_model(recipe: Path, undisturbed: Path) -> None:
    folder = recipe.parent / "two"
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    command += ["--master-port", "0", "--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0"]
    command += ["-m", "ondevice.cli", "train", str(recipe), "--out", str(folder), "--threads", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for ours, theirs in zip(log(folder), log(undisturbed), strict=True):
        assert ours["loss"] == pytest.approx(theirs["loss"], rel=0.02)
        assert ours["norm"] == pytest.approx(theirs["norm"], rel=0.1)


def test_it_can_be_gone_on_from(recipe: Path, undisturbed: Path) -> None:
    more = recipe.with_name("more.toml")
    more.write_text(RECIPE.replace(f"steps = {STEPS}", "steps = 2"))
    folder = recipe.parent / "more"
    ondevice("train", more, "--from", undisturbed / "checkpoint", "--out", folder, "--threads", 1)
    assert log(folder)[0]["loss"] < log(undisturbed)[0]["loss"] - 1


def test_it_is_measured(recipe: Path, undisturbed: Path) -> None:
    output = recipe.parent / "base.json"
    command = [
        sys.executable,
        BENCH / "base.py",
        undisturbed / "checkpoint",
        recipe.parent / "corpus",
    ]
    command += ["--recipe", recipe, "--run", undisturbed, "--files", "0.02", "--functions", "4"]
    done = subprocess.run(
        [*map(str, command), "--output", output], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(output.read_text())
    bits = found["bits"]
    assert 1 < bits["model"] < 8
    assert 0.5 < bits["xz -9, all in one"] < bits["xz -9, file by file"] < 8
    assert 1 < bits["5-gram"] < 8
    edits = found["edits"]
    parts = [edits[name]["tokens"] for name in ("header tokens", "code tokens")]
    assert 0 < sum(parts) < edits["all"]["tokens"]
    assert edits["all"]["tokens"] == sum(row["tokens"] for row in edits["by field"].values())
    assert len(found["samples"]["shown"]["temperature 0.8"]) == 4
    assert found["cost"]["tokens"] == STEPS * 2048


def test_a_corpus_that_is_not_there_is_named(recipe: Path, tmp_path: Path) -> None:
    recipe = Path(shutil.copy(recipe, tmp_path))
    command = [sys.executable, "-m", "ondevice.cli", "train", str(recipe)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert "ondevice corpus" in done.stderr
