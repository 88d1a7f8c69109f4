"""Whatever is written from a constraint applies: random walks, read back and given to git."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest

from ondevice.decoding.constraints import Lengths, LintSeqConstraint, UnifiedConstraint
from ondevice.decoding.constraints.unified_grammar import WINDOW
from ondevice.edits import LINTSEQ, SEPARATOR
from ondevice.edits.unified import Unified

from .walking import (
    Vocabulary,
    bpe_vocabulary,
    buffers,
    byte_vocabulary,
    fallback_vocabulary,
    made_vocabulary,
    walk,
)

WALKS = 40
PATH = "some file.py"
REACHING = [
    *(b"\n+", b"\n ", b"\n-", b"\n \n", b" \n", b"-\n", b"\n@@ -", b"\n@@", b"@@\n+", b" @@\n"),
    *(
        b" @@\n \n",
        b"+\n",
        b" \n" * 40,
        b"-\n-\n",
        b"\r\n",
        b"\r\n+",
        b"1,0 +",
        b",0 +1",
        b"2,2 @@\n",
    ),
    *(b"\xc3", b"\xa9\n", b"\xe2\x80", b"x" * 300, b"\n+" + b" " * 500, b"\\ No newline", b"\n\\"),
]

VOCABULARIES: dict[str, Callable[[], Vocabulary]] = {
    "bytes": byte_vocabulary,
    "bpe": bpe_vocabulary,
    "fallback": fallback_vocabulary,
    "reaching": lambda: made_vocabulary(REACHING),
}


@pytest.fixture(scope="module", params=VOCABULARIES)
def vocabulary(request: pytest.FixtureRequest) -> Vocabulary:
    return VOCABULARIES[request.param]()


@pytest.mark.parametrize("lengths", ["announced", "written"])
def test_lintseq(vocabulary: Vocabulary, lengths: Lengths) -> None:
    constraint = LintSeqConstraint(*vocabulary.arguments, lengths=lengths)
    hunks = mended = 0
    for seed in range(WALKS):
        buffer = buffers(seed)
        done = walk(constraint, vocabulary, buffer, seed)
        edits = LINTSEQ.read(done.text, buffer)
        assert done.text.endswith(SEPARATOR) or not done.text
        assert not edits or LINTSEQ.write(edits[0]) + f"\n{SEPARATOR}" == done.text
        hunks += sum(len(edit.hunks) for edit in edits)
        mended += done.mended
    assert hunks > WALKS / 2
    assert (mended > WALKS / 4) == (lengths == "written")


class Apply(Protocol):
    def __call__(self, before: str, patch: str, *, exists: bool = True) -> str: ...


@pytest.fixture(params=["git", "patch"])
def apply(request: pytest.FixtureRequest, tmp_path: Path) -> Apply:
    program = request.param
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    file = tmp_path / PATH
    environment = os.environ | {"GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}
    command = {
        "git": ["git", "-c", "core.autocrlf=false", "apply", "--whitespace=nowarn"],
        # Fuzz would hide that it finds the context too short.
        "patch": ["patch", "--strip=1", "--fuzz=0", "--binary"],
    }[program]

    def run(before: str, patch: str, *, exists: bool = True) -> str:
        file.unlink(missing_ok=True)
        if exists:
            file.write_bytes(before.encode())
        done = subprocess.run(
            command, input=patch.encode(), cwd=tmp_path, env=environment, capture_output=True
        )
        assert done.returncode == 0, (done.stdout + done.stderr).decode() + repr((before, patch))
        assert b"offset" not in done.stdout
        return file.read_bytes().decode() if file.exists() else ""

    return run


def test_unified_hunks_longer_than_a_window(vocabulary: Vocabulary, apply: Apply) -> None:
    constraint = UnifiedConstraint(*vocabulary.arguments, dialect=Unified(PATH))
    longest = 0
    for seed in [seed for seed in range(60) if len(buffers(seed).lines) == 400][:8]:
        buffer = buffers(seed)
        before = buffer.text
        done = walk(constraint, vocabulary, buffer, seed, budget=3000, avoid=b"+@<\\")
        (edit,) = Unified(PATH).read(done.text, buffer)
        assert apply(before, done.text) == buffer.text
        longest = max(longest, *(len(hunk.old) for hunk in edit.hunks))
    assert longest > 2 * WINDOW


def test_unified(vocabulary: Vocabulary, apply: Apply) -> None:
    constraint = UnifiedConstraint(*vocabulary.arguments, dialect=Unified(PATH))
    hunks = mended = 0
    for seed in range(WALKS):
        buffer = buffers(seed)
        before = buffer.text
        done = walk(constraint, vocabulary, buffer, seed)
        (edit,) = Unified(PATH).read(done.text, buffer)
        assert Unified(PATH, buffer.newline).write(edit) == done.text
        assert apply(before, done.text) == buffer.text
        if not before:
            assert apply(before, done.text, exists=False) == buffer.text
        hunks += len(edit.hunks)
        mended += done.mended
    assert hunks > WALKS
    assert mended > WALKS / 2
