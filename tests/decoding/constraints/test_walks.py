"""Whatever is written from a constraint applies: random walks, read back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ondevice.decoding.constraints import Lengths, LintSeqConstraint
from ondevice.edits import LINTSEQ, SEPARATOR

from .walking import Vocabulary, bpe_vocabulary, buffers, byte_vocabulary, made_vocabulary, walk

WALKS = 60
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
    assert hunks > WALKS / 3
    assert (mended > WALKS / 4) == (lengths == "written")
