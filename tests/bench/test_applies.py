"""What counts hunks that apply: it sees those that do not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import ondevice
from ondevice.backends.scripted import ScriptedBackend

pytest.importorskip("torch")
pytest.importorskip("transformers")
sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from enginebench import applies, files, undistorted

SCRIPT = "@@ -0,0 +1 @@\n+a\n<|diff|>\n<|diff|>"
WRONG = SCRIPT.replace("-0,0 +1", "-7000,0 +7001")


def model_of(script: str) -> ondevice.Model:
    return ondevice.Model(ScriptedBackend(script, context_length=60_000), name="scripted")


@pytest.mark.parametrize("constrain", [True, False])
def test_generations_of_files_are_counted(constrain: bool) -> None:
    found = applies.count(model_of(WRONG), [20], "lintseq", constrain=constrain)
    assert found["generations"] == applies.SAMPLES == sum(found["ended by"].values())
    assert (found["edits refused because a hunk did not apply"] == 0) == constrain


def test_what_reads_back_otherwise_is_seen() -> None:
    found = applies.verdict("b\n", ["@@ -0,0 +1 @@\n+a"], "a\nb\n", "lintseq")
    assert found["generations that read back otherwise"] == 0
    for diffs, text in ((["@@ -0,0 +1 @@\n+a"], "b\na\n"), (["@@ -5,0 +6 @@\n+a"], "b\na\n")):
        found = applies.verdict("b\n", diffs, text, "lintseq")
        assert found["generations that read back otherwise"] == 1


@pytest.mark.skipif("git apply" not in files.programs(), reason="git is not installed")
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_git_and_patch_are_asked(mark: str, tmp_path: Path) -> None:
    names = "--- a/some file.py\t\n+++ b/some file.py\t\n"
    hunk = "@@ -1,2 +1,2 @@\n-a\n+b\n c\n"
    for program in files.programs():
        arguments = (program, f"{mark}a\nc\n", [names + hunk])
        assert applies.agree(*arguments, f"{mark}b\nc\n", tmp_path)
        assert not applies.agree(*arguments, f"{mark}x\nc\n", tmp_path)
        moved = names + hunk.replace("-1,2 +1,2", "-2,2 +2,2")
        found = applies.agree(program, "a\nc\nd\n", [moved], "b\nc\nd\n", tmp_path)
        assert found == (program != "patch")


def test_files_are_awkward() -> None:
    texts = [files.awkward_file(seed) for seed in range(60)]
    assert texts == [files.awkward_file(seed) for seed in range(60)]
    assert "" in texts
    assert max(text.count("\n") for text in texts) in (files.LONGEST, files.LONGEST - 1)
    for piece in ("\r\n", "\t", "\ufeff", "\U0001f600"):
        assert any(piece in text for text in texts)
    assert any(text and not text.endswith("\n") for text in texts)


def test_what_the_constraint_changes_is_seen() -> None:
    request = {"prompt": "write"}
    same = undistorted.compare(model_of(SCRIPT), [request])
    assert same["same tokens"] == same["valid without the constraint"] == 1
    assert undistorted.compare(model_of(WRONG), [request])["valid without the constraint"] == 0
