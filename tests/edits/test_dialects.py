"""The texts themselves, pinned; and git and unidiff as judges of the unified one."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import Protocol

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from unidiff.patch import PatchSet

from ondevice.edits import LINTSEQ, SEPARATOR, UNIFIED, Buffer, Edit, diff
from ondevice.edits.interchange import from_unidiff, to_unidiff
from ondevice.edits.unified import Unified
from ondevice.errors import EditError

from .strategies import few, histories

STATES = [
    "",
    "def f():\n    return 1\n",
    "import os\n\n\ndef f():\n    x = os.sep\n    return 1\n\n\nf()\n",
]


def edits_between(states: list[str]) -> list[Edit]:
    buffers = [Buffer.from_text(state) for state in states]
    return [diff(buffers[i], buffers[i + 1]) for i in range(len(buffers) - 1)]


def test_a_lintseq_sequence() -> None:
    assert SEPARATOR == "<|diff|>"
    assert LINTSEQ.write_sequence(edits_between(STATES)) == (
        "@@ -0,0 +1,2 @@\n"
        "+def f():\n"
        "+    return 1\n"
        "<|diff|>"
        "@@ -0,0 +1,3 @@\n"
        "+import os\n"
        "+\n"
        "+\n"
        "@@ -1,0 +5 @@\n"
        "+    x = os.sep\n"
        "@@ -2,0 +7,3 @@\n"
        "+\n"
        "+\n"
        "+f()\n"
        "<|diff|>\n"
        "<|diff|>"
    )


def test_a_first_edit_of_one_line_leaves_the_count_out() -> None:
    assert LINTSEQ.write_sequence([diff([], ["a"])]) == "@@ -0,0 +1 @@\n+a\n<|diff|>\n<|diff|>"


def test_removed_lines_come_before_added_ones() -> None:
    edit = diff(["a", "b", "c"], ["a", "x", "c", "d"])
    assert LINTSEQ.write(edit) == "@@ -2 +2 @@\n-b\n+x\n@@ -3,0 +4 @@\n+d"
    assert LINTSEQ.write(diff(["a"], [])) == "@@ -1 +0,0 @@\n-a"


def test_a_lintseq_file_without_a_final_newline() -> None:
    edit = diff(Buffer.from_text("a"), Buffer.from_text("a\n"))
    assert LINTSEQ.write(edit) == "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a"


def test_a_unified_diff() -> None:
    edit = diff(["a", "b", "c", "d"], ["a", "b", "x", "d"], context=1)
    assert Unified("src/my file.py").write(edit) == (
        "--- a/src/my file.py\t\n+++ b/src/my file.py\t\n@@ -2,3 +2,3 @@\n b\n-c\n+x\n d\n"
    )


def test_what_a_dialect_cannot_write() -> None:
    with pytest.raises(EditError, match="no context lines"):
        LINTSEQ.write(diff(["a", "b"], ["a"], context=1))
    with pytest.raises(EditError, match="edit 2 has no hunks"):
        LINTSEQ.write_sequence([diff([], ["a"]), Edit(())])
    with pytest.raises(ValueError, match="cannot name"):
        Unified("a\nb")


def test_nothing_to_write() -> None:
    assert LINTSEQ.write(Edit(())) == UNIFIED.write(Edit(())) == ""
    assert LINTSEQ.write_sequence([]) == "\n<|diff|>"
    assert UNIFIED.write_sequence([]) == ""


class GitApply(Protocol):
    def __call__(self, before: str, patch: str, *, context: bool) -> str: ...


@pytest.fixture(scope="module")
def git_apply(tmp_path_factory: pytest.TempPathFactory) -> GitApply:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    folder = tmp_path_factory.mktemp("git")
    file = folder / "some file.py"
    environment = os.environ | {"GIT_CEILING_DIRECTORIES": str(folder.parent)}
    command = ["git", "-c", "core.autocrlf=false", "apply", "--whitespace=nowarn"]

    def apply(before: str, patch: str, *, context: bool) -> str:
        file.write_bytes(before.encode())
        done = subprocess.run(
            command if context else [*command, "--unidiff-zero"],
            input=patch.encode(),
            cwd=folder,
            env=environment,
            capture_output=True,
        )
        assert done.returncode == 0, done.stderr.decode()
        return file.read_bytes().decode() if file.exists() else ""

    return apply


@settings(max_examples=60, deadline=None)
@given(histories(), st.integers(0, 3))
def test_git_applies_unified_diffs(
    git_apply: GitApply, versions: list[Buffer], context: int
) -> None:
    before, after = (
        Buffer(b.lines, newline=b.newline, final_newline=b.final_newline) for b in versions[:2]
    )
    # With --unidiff-zero, git takes a last line without a newline for an equal line before it; to
    # git, what stands before a line break belongs to the line.
    *others, last = before.text.split("\n")
    assume(context or before.final_newline or last not in others)
    patch = Unified("some file.py", before.newline).write(diff(before, after, context))
    if patch:
        assert git_apply(before.text, patch, context=context > 0) == after.text


@few
@given(histories(), st.integers(0, 3))
def test_unidiff_reads_what_is_written_and_gives_it_back(
    versions: list[Buffer], context: int
) -> None:
    before, after = versions[:2]
    edit = diff(before, after, context)
    patch = to_unidiff(edit, before, "a.py")
    assert [file.path for file in patch] == ["a.py"] * bool(edit.hunks)
    assert (patch.added, patch.removed) == (edit.added_count, edit.removed_count)
    assert from_unidiff(patch, newline=before.newline) == edit
    assert from_unidiff(PatchSet(str(patch)), newline=before.newline) == edit


def test_a_patch_that_an_editor_stripped_of_trailing_space() -> None:
    patch = PatchSet("--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@ class A:\n\n-a\n+b\n\n")
    buffer = Buffer(["", "a"])
    buffer.apply(from_unidiff(patch))
    assert buffer.lines == ("", "b")


def test_a_patch_of_several_files_is_no_edit() -> None:
    edit = diff(["a"], ["b"])
    text = Unified("a.py").write(edit) + Unified("b.py").write(edit)
    patch = PatchSet(text)
    with pytest.raises(EditError, match="2 files"):
        from_unidiff(patch)
    assert from_unidiff(patch[1]) == edit
