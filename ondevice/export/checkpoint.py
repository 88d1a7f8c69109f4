"""A Hugging Face checkpoint folder, read without loading its weights."""

from __future__ import annotations

import contextlib
import json
import math
import shutil
import tempfile
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
        shards = _shards(folder)
        config = _read_json(folder / "config.json")
        tokenizer, settings = (
            _read_json(folder / name) for name in ("tokenizer.json", "tokenizer_config.json")
        )
        return cls(
            folder, _config_of_4(folder, config), tokenizer, _settings_of_4(settings), shards
        )

    @contextlib.contextmanager
    def for_transformers(self) -> Iterator[Path]:
        """Give a folder that transformers 4 reads as it was meant, whichever version saved it.

        It holds links to this one's files, and the two that differ.
        """
        with tempfile.TemporaryDirectory(prefix="ondevice-checkpoint-") as scratch:
            folder = Path(scratch)
            written = {"config.json": self.config, "tokenizer_config.json": self.tokenizer_settings}
            for path in self.folder.iterdir():
                if path.is_file() and path.name not in written:
                    _link(path.resolve(), folder / path.name)
            for name, content in written.items():
                (folder / name).write_text(json.dumps(content), encoding="utf-8")
            yield folder

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
        return sum(math.prod(tensor.shape) for _, tensor in self._lazily())

    def tensors(self) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Yield the tensors by name, one at a time, as float32."""
        for name, tensor in self._lazily():
            yield name, tensor[...].float().numpy()

    def _lazily(self) -> Iterator[tuple[str, Any]]:
        """Yield names with what has a shape, and is read when it is indexed."""
        for shard in self.shards:
            with _opened(shard) as tensors:
                for name, tensor in tensors:
                    if not self.is_copy(name):
                        yield name, tensor


def _shards(folder: Path) -> tuple[Path, ...]:
    """Return the files of weights: safetensors, or else those that ``torch.save`` wrote."""
    for name, pattern in (
        ("model.safetensors", "*.safetensors"),
        ("pytorch_model.bin", "pytorch_model*.bin"),
    ):
        if (folder / name).is_file():
            return (folder / name,)
        if (index := folder / f"{name}.index.json").is_file():
            return _indexed(index)
        if shards := tuple(sorted(folder.glob(pattern))):
            return shards
    raise ModelFormatError(
        f"{folder} holds no weights: neither *.safetensors nor pytorch_model*.bin"
    )


def _indexed(index: Path) -> tuple[Path, ...]:
    places = _read_json(index).get("weight_map")
    if not isinstance(places, dict) or not places:
        raise ModelFormatError(f"{index} is damaged: it has no weight_map")
    names = sorted({str(name) for name in places.values()})
    here = {path.name for path in index.parent.iterdir() if path.is_file()}
    if missing := [name for name in names if name not in here]:
        raise ModelFormatError(f"{index} lists weights that are not beside it: {missing[0]}")
    return tuple(index.parent / name for name in names)


@contextlib.contextmanager
def _opened(shard: Path) -> Iterator[Iterator[tuple[str, Any]]]:
    """Give the tensors of a file, which are read when they are indexed.

    Of a file that ``torch.save`` wrote only tensors are taken: nothing in it is executed.
    """
    import pickle

    if shard.suffix == ".safetensors":
        from safetensors import SafetensorError, safe_open

        try:
            # numpy has no bfloat16, so the tensors pass through torch.
            with safe_open(shard, framework="pt") as file:
                yield ((name, _Slice(file.get_slice(name))) for name in file.keys())  # noqa: SIM118
        except SafetensorError as error:
            raise ModelFormatError(f"{shard} is damaged: {error}") from error
        return
    import torch

    try:
        content = torch.load(shard, map_location="cpu", weights_only=True, mmap=True)
    except (RuntimeError, pickle.UnpicklingError, ValueError, EOFError) as error:
        reason = str(error).strip().split("\n")[0]
        raise ModelFormatError(f"{shard} holds more or less than tensors: {reason}") from error
    yield iter(content.items())


class _Slice:
    """A tensor of a safetensors file that has not been read."""

    def __init__(self, slice_: Any) -> None:
        self._slice = slice_
        self.shape: list[int] = slice_.get_shape()

    def __getitem__(self, index: Any) -> Any:
        return self._slice[index]


def _config_of_4(folder: Path, config: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration in the terms of transformers 4.

    Version 5 keeps all of rope in ``rope_parameters``, of which 4 reads nothing: it would export
    with the default theta, silently.
    """
    rope = config.get("rope_parameters")
    if not rope:
        return config
    if "rope_theta" not in rope:
        raise ModelFormatError(
            f"{folder}: this exporter does not know rope_parameters of its kind: {rope}"
        )
    changed = {key: value for key, value in config.items() if key != "rope_parameters"}
    changed["rope_theta"] = rope["rope_theta"]
    if rope.get("rope_type", "default") != "default":
        changed["rope_scaling"] = {k: v for k, v in rope.items() if k != "rope_theta"}
    if "partial_rotary_factor" in rope:
        changed["partial_rotary_factor"] = rope["partial_rotary_factor"]
    if "dtype" in changed:
        changed["torch_dtype"] = changed.pop("dtype")
    return changed


def _settings_of_4(settings: dict[str, Any]) -> dict[str, Any]:
    """Return a tokenizer's settings with a class that transformers 4 has."""
    if settings.get("tokenizer_class") in ("TokenizersBackend", "PythonBackend"):
        return settings | {"tokenizer_class": "PreTrainedTokenizerFast"}
    return settings


def _link(source: Path, target: Path) -> None:
    try:
        target.symlink_to(source)
    except OSError:  # Windows asks for a privilege
        shutil.copyfile(source, target)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelFormatError(f"{path.parent} has no {path.name}") from None
    except ValueError as error:
        raise ModelFormatError(f"{path} is damaged: {error}") from error
    return content
