"""Walking along a constraint, and vocabularies to walk with."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from llguidance import LLTokenizer
from numpy.typing import NDArray
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers

from ondevice.backends.common import wrap_vocabulary
from ondevice.backends.scripted import ScriptedBackend
from ondevice.decoding.constraints import Constraint
from ondevice.edits import Buffer

TINY = Path(__file__).parents[3] / "models" / "tiny" / "tokenizer.json"
PADDING = 60
AWKWARD = [
    "",
    " ",
    "a",
    "    return x",
    "\tif x:\t# tab",
    "+",
    "- item",
    "-- a/file",
    "++ b/file",
    "@@ -1 +1 @@",
    "\\ No newline at end of file",
    "x = '<|diff|>' + \"<|endoftext|>\"",
    "é = 'naïve \u2028 \U0001f600'",
    "form\x0cfeed \x00\x7f\x85",
    "r'/[^/]+/' | $ ( ) { } \\d",
]


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """A constraint tokenizer, and which of its tokens are what."""

    tokenizer: Any
    size: int
    end: int
    diff: int
    empty: frozenset[int] = field(default_factory=frozenset)

    def tokens(self, text: str) -> list[int]:
        """Return byte tokens, but for the separator."""
        first, *rest = text.encode().split(b"<|diff|>")
        return [*first, *(token for part in rest for token in (self.diff, *part))]

    def text(self, tokens: list[int]) -> str:
        return b"".join(self.pieces[token] for token in tokens).decode()

    @cached_property
    def pieces(self) -> list[bytes]:
        return [
            b"" if token in self.empty else self.tokenizer.decode_bytes([token])
            for token in range(self.size)
        ]

    @cached_property
    def first_bytes(self) -> NDArray[np.uint8]:
        return np.array([piece[0] if piece else 0 for piece in self.pieces], dtype=np.uint8)

    @cached_property
    def hurried(self) -> list[int]:
        """The tokens that lead to the end of a hunk, best first."""
        ends = [self.pieces.index(piece) for piece in (b"\n", b"\r")]
        spaces = [token for token, piece in enumerate(self.pieces) if piece[:1] == b" "]
        return ends + spaces

    @cached_property
    def breaks(self) -> NDArray[np.bool_]:
        """The tokens that lead out of a line."""
        return np.array([b"\n" in piece or b"\r" in piece for piece in self.pieces])

    @property
    def arguments(self) -> tuple[Any, int, frozenset[int]]:
        """What a constraint is made of."""
        return self.tokenizer, self.size, frozenset({self.end})


@cache
def byte_vocabulary() -> Vocabulary:
    backend = ScriptedBackend("")
    return Vocabulary(backend.constraint_tokenizer(), backend.vocab_size, 256, 257)


@cache
def bpe_vocabulary() -> Vocabulary:
    """The bundled model's tokenizer, in a model whose rows are padded."""
    text = TINY.read_text(encoding="utf-8")
    spec = json.loads(text)
    ids = {token["content"]: token["id"] for token in spec["added_tokens"]}
    size = len(spec["model"]["vocab"]) + len(ids) + PADDING
    end = ids["<|endoftext|>"]
    known = {*spec["model"]["vocab"].values(), *ids.values()}
    return Vocabulary(
        LLTokenizer(text, n_vocab=size, eos_token=[end]),
        size,
        end,
        ids["<|diff|>"],
        frozenset(range(size)) - known,
    )


@cache
def fallback_vocabulary() -> Vocabulary:
    """A tokenizer of SentencePiece's kind: what it does not know, it spells in byte tokens."""
    characters = ["▁", *map(chr, range(ord("!"), 127))]
    merges = [
        ("▁", "▁"),
        ("▁▁", "▁▁"),
        ("-", "-"),
        ("@", "@"),
        ("▁", "@@"),
        ("r", "e"),
        ("re", "t"),
    ]
    names = ["<unk>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *characters]
    vocabulary = {name: row for row, name in enumerate([*names, *map("".join, merges)])}
    tokenizer = Tokenizer(
        models.BPE(vocabulary, merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True)
    )
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    tokenizer.add_special_tokens([AddedToken("</s>", special=True, normalized=False)])
    tokenizer.add_tokens([AddedToken("<|diff|>", special=False, normalized=False)])
    known = tokenizer.get_vocab_size()
    size = known + PADDING
    return Vocabulary(
        LLTokenizer(tokenizer.to_str(), n_vocab=size, eos_token=[1]),
        size,
        1,
        known - 1,
        frozenset(range(known, size)),
    )


def made_vocabulary(pieces: list[bytes]) -> Vocabulary:
    """Bytes, the two special tokens, padding, and ``pieces``, of which the longest is taken."""
    tokens = [bytes([byte]) for byte in range(256)] + [b"<|endoftext|>", b"<|diff|>"]
    tokens += [b""] * PADDING + pieces
    by_length = sorted(range(len(tokens)), key=lambda token: -len(tokens[token]))

    def encode(text: str) -> list[int]:
        data, found = text.encode(), []
        while data:
            token = next(t for t in by_length if tokens[t] and data.startswith(tokens[t]))
            found.append(token)
            data = data[len(tokens[token]) :]
        return found

    tokenizer = wrap_vocabulary(tokens, [256, 257], [256], encode)
    return Vocabulary(tokenizer, len(tokens), 256, 257, frozenset(range(258, 258 + PADDING)))


def buffers(seed: int) -> Buffer:
    """Return a file of 0 to 400 lines, with everything that makes files awkward."""
    rng = random.Random(seed)
    count = rng.choice([0, 1, 2, rng.randrange(3, 12), rng.randrange(12, 80), 400])
    lines = rng.choices(AWKWARD, k=count)
    newline = rng.choice(["\n", "\r\n"])
    if newline == "\n" and lines and rng.random() < 0.3:
        lines[rng.randrange(count)] = "lone\rreturn and one at the end\r"
    # An empty last line without a newline is no line.
    final = rng.random() < 0.5 or not lines or not lines[-1]
    text = newline.join(lines) + newline * (final and bool(lines))
    return Buffer.from_text(text, newline=newline)


@dataclass
class Walk:
    """What a random walk wrote, and how."""

    tokens: list[int]
    text: str
    """The text with all headers mended."""
    mended: int
    forced: int


def walk(
    constraint: Constraint,
    vocabulary: Vocabulary,
    buffer: Buffer,
    seed: int,
    *,
    budget: int = 150,
    avoid: bytes = b"",
) -> Walk:
    """Write one edit of random tokens that the constraint allows; hurry once ``budget`` is gone.

    Tokens with a byte of ``avoid`` are taken only where there is no other.
    """
    rng = random.Random(seed)
    constraint.start_edit(buffer)
    done = Walk([], "", 0, 0)
    data = b""
    avoided = np.array([not set(avoid).isdisjoint(piece) for piece in vocabulary.pieces])
    for token in _tokens(constraint, vocabulary, rng, budget, done, avoided):
        mending = constraint.mending(token)
        if mending is not None:
            text = data.decode()
            assert mending.announced in text.split("\n")
            data = mending.mend(text).encode()
            done.mended += 1
        done.tokens.append(token)
        constraint.consume(token)
        if token == vocabulary.end:
            break
        data += vocabulary.pieces[token]
        if token == vocabulary.diff:
            break
    done.text = data.decode()
    return done


def _tokens(
    constraint: Constraint,
    vocabulary: Vocabulary,
    rng: random.Random,
    budget: int,
    done: Walk,
    avoided: NDArray[np.bool_],
) -> Iterator[int]:
    while True:
        assert len(done.tokens) < 50_000, "no end in sight"
        forced = constraint.forced()
        done.forced += len(forced)
        for token in forced:
            assert constraint.allows(token)
            yield token
        if not forced:
            hurry = len(done.tokens) > budget
            token = _choice(constraint, vocabulary, rng, hurry, avoided)
            assert constraint.allows(token)
            yield token


def _choice(
    constraint: Constraint,
    vocabulary: Vocabulary,
    rng: random.Random,
    hurry: bool,
    avoided: NDArray[np.bool_],
) -> int:
    """Draw a first byte, then a token that begins with it; ends of lines come often enough."""
    mask = constraint.mask()
    assert mask.shape == (vocabulary.size,)
    assert mask.any()
    assert not mask[list(vocabulary.empty)].any()
    assert not any(map(constraint.allows, list(vocabulary.empty)[:3]))
    for token in rng.choices(range(vocabulary.size), k=10):
        # Of text that is forced, the mask has only the canonical token.
        assert constraint.allows(token) or not mask[token], token
    if hurry:
        for token in (vocabulary.end, vocabulary.diff, *vocabulary.hurried):
            if mask[token]:
                return token
    elif mask.sum() > 2 and rng.random() < 0.8:
        mask[[vocabulary.end, vocabulary.diff]] = False  # most walks would be short
    if (mask & ~avoided).any():
        mask &= ~avoided
    breaks = np.flatnonzero(mask & vocabulary.breaks)
    if breaks.size and rng.random() < 0.15:
        return int(rng.choice(breaks))
    first = rng.choice(np.unique(vocabulary.first_bytes[mask]))
    return int(rng.choice(np.flatnonzero(mask & (vocabulary.first_bytes == first))))


def next_allowed(constraint: Constraint, vocabulary: Vocabulary) -> set[int]:
    """Return what the mask allows; every token must agree."""
    mask = constraint.mask()
    found = {int(token) for token in np.flatnonzero(mask)}
    assert found == {token for token in range(vocabulary.size) if constraint.allows(token)}
    return found


def refusal(constraint: Constraint, vocabulary: Vocabulary, text: str) -> int | None:
    """Write text, character by character; return where it is refused."""
    for position, token in enumerate(vocabulary.tokens(text)):
        if not constraint.allows(token):
            return position
        constraint.consume(token)
    return None
