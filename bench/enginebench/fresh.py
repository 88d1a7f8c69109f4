"""Models with random weights, which cost what trained ones cost and say nothing of worth."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from enginebench.vocabulary import large_tokenizer
from ondevice.export import export_checkpoint
from ondevice.training.recipe import ModelSettings
from ondevice.training.tokenizer import END_OF_TEXT
from ondevice.training.trainer import build_model

TOKENIZER = Path(__file__).parents[2] / "models" / "tiny" / "tokenizer.json"
SIZES = {
    "25M": ModelSettings(layers=8, width=512, feed_forward=1280, heads=8, context=4096),
    "30M": ModelSettings(layers=6, width=384, feed_forward=1024, heads=6, context=8192),
    "150M": ModelSettings(layers=12, width=768, feed_forward=3072, heads=12, context=8192),
}
"""The last has the shape of TinyCodeLM 150M."""
VOCABULARIES = {"25M": 4096, "30M": 50_304, "150M": 50_304}
"""Rows of the embedding; those that the tokenizer does not know are padding."""


def make(size: str, folder: Path) -> Path:
    """Export a model of a size, GGUF in 8 bits and ONNX in int8, and return its folder.

    One that is there already is taken.
    """
    target = folder / size
    if not target.exists():
        tokenizer = _tokenizer(size, folder)
        torch.manual_seed(0)
        end = tokenizer.token_to_id(END_OF_TEXT)
        model = build_model(SIZES[size], VOCABULARIES[size], end)
        checkpoint = folder / f"{size}-checkpoint"
        model.to(torch.bfloat16).save_pretrained(checkpoint)
        PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, eos_token=END_OF_TEXT, pad_token=END_OF_TEXT
        ).save_pretrained(checkpoint)
        export_checkpoint(
            checkpoint,
            target,
            quantize=("q8_0", "int8"),
            name=size,
            license="Apache-2.0",
            source="random weights",
        )
    return target


def checkpoint_of(size: str, models: Path) -> Path:
    """Return the checkpoint that ``make`` exported."""
    return models / f"{size}-checkpoint"


def make_fused(size: str, models: Path) -> Path:
    """Return the folder of the same weights as ONNX graphs with fused attention."""
    target = models / f"{size}-fused"
    if not target.exists():
        export_checkpoint(
            checkpoint_of(size, models),
            target,
            formats=("onnx",),
            quantize=("fp32", "int8", "int4"),
            fused=True,
            name=size,
            license="Apache-2.0",
            source="random weights",
        )
    return target


def _tokenizer(size: str, folder: Path) -> Tokenizer:
    if VOCABULARIES[size] < 10_000:
        return Tokenizer.from_file(str(TOKENIZER))
    return large_tokenizer(folder / "tokenizer-50k.json")
