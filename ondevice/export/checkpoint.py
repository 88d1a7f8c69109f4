"""A Hugging Face checkpoint folder, read without loading its weights."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ondevice.errors import ModelFormatError, ModelNotFoundError


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The contents of ``config.json``, ``tokenizer.json`` and ``tokenizer_config.json``, and the
    files that hold the tensors."""

    folder: Path
    config: dict[str, Any]
    tokenizer: dict[str, Any]
    tokenizer_settings: dict[str, Any]
    shards: tuple[Path, ...]

    @classmethod
    def open(cls, folder: Path) -> Checkpoint:
        """Read ``folder``; raises ``ModelNotFoundError`` or ``ModelFormatError``, which names
        what is missing or damaged."""
        if not folder.is_dir():
            raise ModelNotFoundError(f"there is no checkpoint folder at {folder}")
        shards = tuple(sorted(folder.glob("*.safetensors")))
        if not shards:
            raise ModelFormatError(
                f"{folder} holds no .safetensors file. Save the model again with transformers: "
                "model.save_pretrained(folder)"
            )
        config = _read_json(folder / "config.json")
        if "rope_parameters" in config and "rope_theta" not in config:
            # transformers 4 would read none of it and export with the default theta, silently.
            raise ModelFormatError(
                f"{folder} was saved by transformers 5. Put the `rope_theta` of its "
                "`rope_parameters` at the top level of config.json, for transformers 4"
            )
        tokenizer, settings = (
            _read_json(folder / name) for name in ("tokenizer.json", "tokenizer_config.json")
        )
        return cls(folder, config, tokenizer, settings, shards)

    @property
    def architecture(self) -> str:
        """The class that transformers saved, such as ``LlamaForCausalLM``."""
        return str((self.config.get("architectures") or ["of unknown architecture"])[0])

    @property
    def context_length(self) -> int:
        """Tokens that the model was trained to see at once."""
        return int(self.config["max_position_embeddings"])

    @property
    def end_token(self) -> str:
        """The text of the token that ends a text."""
        entry = self.tokenizer_settings.get("eos_token") or "<|endoftext|>"
        return str(entry["content"] if isinstance(entry, dict) else entry)

    def is_copy(self, name: str) -> bool:
        """Tell whether the tensor only repeats the embedding, which the output layer shares."""
        return name == "lm_head.weight" and bool(self.config.get("tie_word_embeddings"))

    def count_parameters(self) -> int:
        """Return the number of weights, those that are shared counted once."""
        from safetensors import safe_open

        total = 0
        for shard in self.shards:
            with safe_open(shard, framework="np") as file:
                shapes = [
                    file.get_slice(name).get_shape()
                    for name in file.keys()  # noqa: SIM118 - it is no dict
                    if not self.is_copy(name)
                ]
                total += sum(math.prod(shape) for shape in shapes)
        return total

    def tensors(self) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Yield the tensors by name, one at a time, as float32, without copies."""
        from safetensors import safe_open

        for shard in self.shards:
            # numpy has no bfloat16, so the tensors pass through torch.
            with safe_open(shard, framework="pt") as file:
                for name in file.keys():  # noqa: SIM118 - it is no dict
                    if not self.is_copy(name):
                        yield name, file.get_tensor(name).float().numpy()


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelFormatError(f"{path.parent} has no {path.name}") from None
    except ValueError as error:
        raise ModelFormatError(f"{path} is damaged: {error}") from error
    return content
