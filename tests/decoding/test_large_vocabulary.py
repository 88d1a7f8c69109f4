"""Fifty thousand tokens, the awkward ones among them, on both backends."""

from __future__ import annotations

import itertools
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ondevice.backends import Backend, open_backend
from ondevice.decoding import Engine, Pool, Request, Sampling
from ondevice.decoding.constraints import Constraint, LintSeqConstraint, UnifiedConstraint
from ondevice.edits import LINTSEQ, Buffer, Dialect, Unified
from ondevice.events import EditRejected

from .helpers import done, of

ROWS = 50_304
KNOWN = 50_000
END, SEPARATOR = "<|endoftext|>", "<|diff|>"
STRADDLING = ["\n+", "\n+    ", "\n \n", "-\n-\n", "\n@@ -", " @@\n+"]
LONG = ["x" * 300, " " * 500, "é" * 100]
DIALECTS: list[Dialect] = [LINTSEQ, Unified("f.py")]
SOURCE = "def f():\n\té = 1\n" + " " * 600 + "\n" + "x" * 900 + "\nend"


def make_tokenizer() -> Any:
    """A byte-level vocabulary with made-up merges: only its size and shape matter."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    letters = "abcdefghijklmnopqrstuvwxyz0123456789_Ġ+-@"
    merges = list(itertools.product(letters, letters))
    wanted = KNOWN - len(alphabet) - len(merges) - len([END, SEPARATOR, *STRADDLING, *LONG])
    pairs = ["".join(pair) for pair in merges]
    rng = random.Random(0)
    longer = {
        (a, b) for a, b in zip(*(rng.choices(pairs, k=3 * wanted) for _ in "ab"), strict=True)
    }
    merges += sorted(longer)[:: len(longer) // wanted][:wanted]
    texts = dict.fromkeys([*alphabet, *map("".join, merges)])
    tokenizer = Tokenizer(models.BPE({text: row for row, text in enumerate(texts)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([END])
    tokenizer.add_tokens(
        [AddedToken(text, normalized=False) for text in [SEPARATOR, *STRADDLING, *LONG]]
    )
    return tokenizer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for name in ("optimum.exporters.onnx", "gguf", "llama_cpp"):
        pytest.importorskip(name)
    torch = pytest.importorskip("torch")
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    from ondevice.export.checkpoint import Checkpoint
    from ondevice.export.gguf import export_gguf
    from ondevice.export.onnx import export_onnx

    target: Path = tmp_path_factory.mktemp("large")
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=make_tokenizer(), eos_token=END)
    assert KNOWN - 2000 < len(tokenizer) < ROWS
    config = LlamaConfig(
        vocab_size=ROWS,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=4096,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
    )
    torch.manual_seed(0)
    checkpoint = target / "checkpoint"
    LlamaForCausalLM(config).save_pretrained(checkpoint)
    tokenizer.save_pretrained(checkpoint)
    export_onnx(checkpoint, target / "model.onnx")
    for name in ("tokenizer.json", "config.json", "generation_config.json"):
        shutil.copy(checkpoint / name, target)
    export_gguf(Checkpoint.open(checkpoint), target / "model.gguf", "f16", name="large")
    return target


@pytest.fixture(scope="module", params=["onnx", "llama_cpp"])
def backend(request: pytest.FixtureRequest, folder: Path) -> Iterator[Backend]:
    with open_backend(
        folder, backend=request.param, max_sequences=1, context_length=2048
    ) as opened:
        yield opened


def constraint_of(backend: Backend, dialect: Dialect) -> Constraint:
    arguments = (backend.constraint_tokenizer(), backend.vocab_size, backend.end_tokens)
    if isinstance(dialect, Unified):
        return UnifiedConstraint(*arguments, dialect=dialect)
    return LintSeqConstraint(*arguments, lengths="written")


def write(constraint: Constraint, tokens: list[int]) -> None:
    for token in tokens:
        assert constraint.allows(token)
        constraint.consume(token)


def token_of(backend: Backend, data: bytes) -> int:
    return next(token for token in range(ROWS) if backend.token_bytes(token) == data)


def test_padded_rows_never_come(backend: Backend) -> None:
    padded = [token for token in range(ROWS) if not backend.token_bytes(token)]
    padded = [token for token in padded if token not in backend.end_tokens]
    assert len(padded) > 100
    for dialect in DIALECTS:
        constraint = constraint_of(backend, dialect)
        constraint.start_edit(Buffer(["a", "b"]))
        opening = "@@ -2,0 +3 @@\n+x" if dialect is LINTSEQ else Unified("f.py").names + "@@ -1"
        for token in backend.tokenize(opening):
            assert not constraint.mask()[padded].any()
            assert not any(map(constraint.allows, padded[:3]))
            constraint.consume(token)
        assert not constraint.mask()[padded].any()


def test_masks_are_what_single_tokens_are_told(backend: Backend) -> None:
    rng = random.Random(1)
    constraint = constraint_of(backend, LINTSEQ)
    constraint.start_edit(Buffer(["a", "b"]))
    write(constraint, backend.tokenize("@@ -2,0 +3 @@\n+x"))
    mask = constraint.mask()
    assert mask.shape == (ROWS,)
    assert 30_000 < mask.sum() < ROWS
    for token in rng.sample(range(ROWS), 2000):
        assert constraint.allows(token) == mask[token]


def test_tokens_that_reach_over_line_ends(backend: Backend) -> None:
    constraint = constraint_of(backend, LINTSEQ)
    constraint.start_edit(Buffer(["a"]))
    write(constraint, backend.tokenize("@@ -1,0 +2,3 @@\n+x"))
    for text in ("\n+", "\n+    "):
        token = token_of(backend, text.encode())
        assert constraint.mask()[token]
        write(constraint, [token])
    # The end of a hunk and the beginning of the next are never one token.
    write(constraint, backend.tokenize("x"))
    assert not constraint.allows(token_of(backend, b"\n@@ -"))


def test_tokens_longer_than_any_buffer(backend: Backend) -> None:
    for text in LONG:
        token = token_of(backend, text.encode())
        assert backend.tokenize(text) == [token]
        constraint = constraint_of(backend, LINTSEQ)
        constraint.start_edit(Buffer())
        write(constraint, [*backend.tokenize("@@ -0,0 +1 @@\n+"), token])
    constraint = constraint_of(backend, DIALECTS[1])
    constraint.start_edit(Buffer.from_text(SOURCE))
    write(constraint, backend.tokenize(Unified("f.py").names + "@@ -3,2 +3,2 @@\n-"))
    # The line of 600 spaces comes in canonical form: a token of 500 and others. What ends it may be
    # the beginning of a longer token.
    *line, _ = backend.tokenize(" " * 600 + "\n")
    assert constraint.forced() == line


def test_halves_of_characters(backend: Backend) -> None:
    first, second = (token_of(backend, byte) for byte in (b"\xc3", b"\xa9"))
    constraint = constraint_of(backend, LINTSEQ)
    constraint.start_edit(Buffer())
    write(constraint, [*backend.tokenize("@@ -0,0 +1 @@\n+"), first])
    assert not constraint.allows(token_of(backend, b"\n"))
    mask = constraint.mask()
    assert mask[second]
    assert all(0x80 <= backend.token_bytes(int(token))[0] < 0xC0 for token in np.flatnonzero(mask))


@pytest.mark.parametrize("dialect", DIALECTS, ids=["lintseq", "unified"])
def test_whatever_is_sampled_applies(backend: Backend, dialect: Dialect) -> None:
    tokens = backend.tokenize("p\n")
    for seed in range(4):
        request = Request(
            tokens,
            seed=seed,
            sampling=Sampling(1.5),
            max_tokens=60,
            lengths="written",
            dialect=dialect,
        )
        events = list(Engine(Pool(backend), request, Buffer.from_text(SOURCE)).run())
        assert of(EditRejected, events) == []
        assert done(events).stats.masked_tokens > 0


def test_byte_tokens_of_sentencepiece(tmp_path: Path) -> None:
    """llama.cpp's own kind of vocabulary: what it does not know, it spells in bytes."""
    pytest.importorskip("llama_cpp")
    path = sentencepiece_gguf(tmp_path / "spm.gguf")
    with open_backend(path, max_sequences=1, context_length=256) as backend:
        assert backend.vocab_size == ROWS
        constraint = constraint_of(backend, LINTSEQ)
        constraint.start_edit(Buffer())
        opening = [token_of(backend, bytes([byte])) for byte in b"@@ -0,0 +1 @@\n+"]
        write(constraint, opening)
        first, second = (token_of(backend, byte) for byte in (b"\xc3", b"\xa9"))
        write(constraint, [first])
        assert np.flatnonzero(constraint.mask()).size == 64
        write(constraint, [second])
        assert constraint.allows(token_of(backend, b"\n"))
        assert not constraint.mask()[-20:].any()


def sentencepiece_gguf(path: Path) -> Path:
    gguf = pytest.importorskip("gguf")
    kinds = gguf.TokenType
    names = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    types = [kinds.UNKNOWN, kinds.CONTROL, kinds.CONTROL, *[kinds.BYTE] * 256]
    letters = "▁abcdefghijklmnopqrstuvwxyz"
    words = itertools.islice(map("".join, itertools.product(letters, repeat=4)), ROWS - 279)
    pieces = [*words]
    names += [*pieces, *(f"[PAD{number}]" for number in range(ROWS - len(names) - len(pieces)))]
    types += [kinds.NORMAL] * len(pieces)
    types += [kinds.UNUSED] * (ROWS - len(types))
    width = 32
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(256)
    writer.add_embedding_length(width)
    writer.add_block_count(1)
    writer.add_feed_forward_length(width)
    writer.add_head_count(2)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(names)
    writer.add_token_scores([0.0] * ROWS)
    writer.add_token_types(types)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    rng = np.random.default_rng(0)
    shapes = {"token_embd": (ROWS, width), "output_norm": (width,)}
    for name in ("attn_norm", "ffn_norm"):
        shapes[f"blk.0.{name}"] = (width,)
    for name in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"):
        shapes[f"blk.0.{name}"] = (width, width)
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", rng.normal(size=shape).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
