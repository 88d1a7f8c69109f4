"""What a tokenizer is in GGUF: tokens by id, their types, and how they are joined."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ondevice.errors import ModelFormatError
from ondevice.export.checkpoint import Checkpoint

# GGUF's token types.
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6


@dataclass(frozen=True, slots=True)
class GGUFTokenizer:
    """``tokens`` and ``types`` by token id, padded to the rows of the embedding.

    ``model`` is GGUF's: ``gpt2`` goes by ``merges``, ``llama`` by ``scores``.
    """

    model: str
    pre: str
    tokens: list[str]
    types: list[int]
    bos: int | None
    eos: int | None
    add_bos: bool
    merges: list[str] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    add_space_prefix: bool = False


def vocabulary(checkpoint: Checkpoint) -> tuple[list[str], list[int]]:
    """Return the tokens and their types, those that are added included."""
    state, rows = checkpoint.tokenizer, checkpoint.config["vocab_size"]
    # Rows that only pad the embedding; as UNUSED they are biased out when the model runs.
    tokens = [f"[PAD{token}]" for token in range(rows)]
    types = [UNUSED] * rows
    added = {entry["content"]: entry for entry in state["added_tokens"]}
    places = {text: entry["id"] for text, entry in added.items()}
    for text, token in {**state["model"]["vocab"], **places}.items():
        if token >= rows:
            raise ModelFormatError(
                f"{checkpoint.folder}: the token {text!r} has the id {token}, but the embedding "
                f"has only {rows} rows"
            )
        tokens[token] = text
        types[token] = NORMAL
    for text, token in places.items():
        types[token] = CONTROL if added[text]["special"] else USER_DEFINED
    return tokens, types


def special_ids(checkpoint: Checkpoint) -> tuple[int | None, int | None]:
    """Return the ids of the tokens that begin and end a text; None where there is none."""
    state = checkpoint.tokenizer
    ids = {**state["model"]["vocab"], **{e["content"]: e["id"] for e in state["added_tokens"]}}
    found = []
    for name in ("bos_token", "eos_token"):
        entry = checkpoint.tokenizer_settings.get(name)
        text = entry.get("content") if isinstance(entry, dict) else entry
        found.append(ids.get(text) if isinstance(text, str) else None)
    return found[0], found[1]


def adds_bos(checkpoint: Checkpoint) -> bool:
    """Return whether the tokenizer begins a text with a token of its own.

    Raises ``ModelFormatError`` when it adds another one, or one at the end.
    """
    processor = checkpoint.tokenizer["post_processor"] or {}
    steps = processor.get("processors", [processor])
    added = False
    for step in steps:
        if step.get("type") in (None, "ByteLevel"):
            continue
        single: list[Any] = step.get("single", [None])
        specials = [part for part in single if part and "SpecialToken" in part]
        bos = _text(checkpoint.tokenizer_settings.get("bos_token"))
        if step["type"] != "TemplateProcessing" or (
            specials and (specials != single[:1] or specials[0]["SpecialToken"]["id"] != bos)
        ):
            raise ModelFormatError(
                f"{checkpoint.folder}: the tokenizer adds tokens to a text other than one at its "
                "beginning, which cannot be exported to GGUF"
            )
        added = added or bool(specials)
    return added


def _text(entry: Any) -> Any:
    return entry.get("content") if isinstance(entry, dict) else entry
