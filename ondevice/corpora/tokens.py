"""Code and prose as tokens, and as numbers that stand for runs of them.

Tokens are identifiers, numbers and operators, in lower case; quotes, backslashes and white space
are none.
The numbers are the same in every process and on every machine.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_TOKEN = re.compile(r"[^\W\d]\w*|\d\w*|==|!=|<=|>=|->|:=|\*\*|//|[^\w\s\"'`\\]")
_STRING_OR_COMMENT = re.compile(
    r"\"\"\"(?:\\.|[^\\])*?\"\"\"|'''(?:\\.|[^\\])*?'''"
    r"|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|(?P<comment>#[^\n]*)",
    re.DOTALL,
)
_FACTOR = 0x9E3779B97F4A7C15
"""An odd number that spreads bits well, 2^64 divided by the golden ratio."""


def tokens_of(text: str) -> list[str]:
    """Return the tokens of any text."""
    return _TOKEN.findall(text.lower())


def parted(code: str) -> tuple[str, str]:
    """Return a program without its comments, and the comments."""
    comments: list[str] = []

    def part(match: re.Match[str]) -> str:
        if match["comment"] is None:
            return match[0]
        comments.append(match[0][1:])
        return ""

    return _STRING_OR_COMMENT.sub(part, code), "\n".join(comments)


def run_hashes(tokens: Sequence[str], length: int) -> NDArray[np.uint64]:
    """Return a number for each run of so many tokens, in their order; equal for equal runs."""
    import numpy as np

    count = len(tokens) - length + 1
    if count < 1:
        return np.zeros(0, np.uint64)
    numbers = np.fromiter(map(_token_hash, tokens), np.uint64, len(tokens))
    runs = np.zeros(count, np.uint64)
    for start in range(length):
        runs = (runs ^ numbers[start : start + count]) * np.uint64(_FACTOR)
        runs ^= runs >> np.uint64(29)
    return runs


@functools.lru_cache(maxsize=1 << 18)
def _token_hash(token: str) -> int:
    digest = hashlib.blake2b(token.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")
