"""``tokenizer.json``: whether the tokenizers library can be given it, and then its tokenizer.

That library is native code. What it does not expect ends in a panic or takes all memory, so a
file's vocabulary is looked through before.
"""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ondevice.errors import ModelFormatError
from ondevice.json_files import parse_object, read_text

_MOST_BYTES = 64 * 2**20
"""The largest vocabularies there are (256,000 tokens, with merges as pairs) take 35 MB."""
_MOST_TOKENS = 2**21
_MODELS = ("BPE", "Unigram", "WordPiece", "WordLevel")
_PRINTABLE = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
_OTHERS = [byte for byte in range(256) if byte not in _PRINTABLE]
BYTE_LEVEL = {chr(byte): byte for byte in _PRINTABLE} | {
    chr(256 + place): byte for place, byte in enumerate(_OTHERS)
}
"""The bytes that the characters of a byte-level vocabulary stand for, as GPT-2 defined them."""


class TokenizerFile(NamedTuple):
    """A tokenizer, the text it was read from, and what this says.

    ``byte_level`` is whether the vocabulary is spelled in the characters of ``BYTE_LEVEL``,
    ``size`` one more than its largest token, and ``prefix`` the tokens that a text begins with.
    """

    tokenizer: Any
    text: str
    byte_level: bool
    size: int
    prefix: tuple[int, ...]


def load_tokenizer(path: Path) -> TokenizerFile:
    """Read a tokenizer.json; raises ``ModelFormatError`` when it is damaged."""
    from tokenizers import Tokenizer

    text = read_text(path, _MOST_BYTES)
    content = parse_object(path, text)
    try:
        size = _vocabulary_size(content)
        byte_level = _is_byte_level(content)
        _check_character_maps(content.get("normalizer"))
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ModelFormatError(f"{path} is no tokenizer.json: {error}") from None
    with _panics_caught(f"{path} is no tokenizer.json"):
        tokenizer = Tokenizer.from_str(text)
        tokenizer.no_padding()
        tokenizer.no_truncation()
        encoding = tokenizer.encode("a")
    mask = encoding.special_tokens_mask
    prefix = tuple(encoding.ids[: mask.index(0)]) if 0 in mask else ()
    return TokenizerFile(tokenizer, text, byte_level, size, prefix)


def encode(tokenizer: Any, text: str) -> list[int]:
    """Return the tokens of a text, none of them put in front or behind.

    Raises ``ModelFormatError`` where the tokenizer turns out to be damaged.
    """
    with _panics_caught("the model's tokenizer.json is damaged"):
        ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
        return ids


@contextlib.contextmanager
def _panics_caught(complaint: str) -> Iterator[None]:
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # plain Exception, and of a panic, not even that
        raise ModelFormatError(f"{complaint}: {error}") from None


def _vocabulary_size(content: dict[str, Any]) -> int:
    model = content["model"]
    kind = model.get("type", "BPE")
    if kind not in _MODELS:
        raise ValueError(f"its model is of type {kind!r}")
    vocabulary = model["vocab"]
    # A Unigram model lists its pieces with scores, in the order of their numbers.
    ids = list(range(len(vocabulary)) if isinstance(vocabulary, list) else vocabulary.values())
    pieces = (
        {*(entry[0] for entry in vocabulary)} if isinstance(vocabulary, list) else {*vocabulary}
    )
    if kind == "BPE":
        _check_merges(model.get("merges", []), pieces)
    added = [(entry["id"], entry["content"]) for entry in content.get("added_tokens") or []]
    if len({*ids}) < len(ids):
        raise ValueError("two of its tokens have the same number")
    numbers = [*ids, *(number for number, _ in added)]
    if not numbers or not all(type(n) is int and 0 <= n < _MOST_TOKENS for n in numbers):
        raise ValueError(f"its tokens are not numbered from 0 to less than {_MOST_TOKENS:,}")
    if not all(isinstance(name, str) and name for _, name in added):
        raise ValueError("an added token has no text")
    return int(max(numbers)) + 1


def _check_merges(merges: list[Any], pieces: set[str]) -> None:
    for merge in merges:
        pair = merge.split(" ") if isinstance(merge, str) else merge
        if len(pair) != 2 or not {*pair} <= pieces:
            raise ValueError(f"it merges {str(merge)[:40]!r}, which are no two of its tokens")


def _check_character_maps(normalizer: Any) -> None:
    """Look into the maps that SentencePiece compiles: the size of a trie, the trie, and texts.

    A trie that is larger than its map is an allocation that ends the process.
    """
    if not isinstance(normalizer, dict):
        return
    for part in normalizer.get("normalizers") or ():
        _check_character_maps(part)
    if normalizer.get("type") == "Precompiled":
        content = base64.b64decode(normalizer["precompiled_charsmap"], validate=True)
        size = int.from_bytes(content[:4], "little")
        if len(content) < 8 or size % 4 or not 0 < size <= len(content) - 4:
            raise ValueError("its map of characters is damaged")


def _is_byte_level(content: dict[str, Any]) -> bool:
    decoder = content.get("decoder") or {}
    steps = decoder.get("decoders", [decoder])
    return any(step.get("type") == "ByteLevel" for step in steps)
