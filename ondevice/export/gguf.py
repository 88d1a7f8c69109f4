"""A checkpoint as a GGUF file, not quantized or in Q8_0."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ondevice.backends.onnx_files import read_chat
from ondevice.errors import DependencyError, ModelFormatError
from ondevice.export.architectures import Tensor, find_architecture
from ondevice.export.checkpoint import Checkpoint
from ondevice.export.gguf_tokenizers import read_tokenizer

_VALUE_TYPES = {int: "UINT32", float: "FLOAT32", bool: "BOOL", str: "STRING"}
"""GGUF's names for what metadata are made of, by Python's type."""


def export_gguf(checkpoint: Checkpoint, path: Path, quantization: str, *, name: str) -> None:
    """Write ``checkpoint`` to ``path`` as "f32", "f16", "bf16" or "q8_0"; ``name`` goes into its
    metadata.

    Matrices are stored as ``quantization`` says, or as F16 where their rows do not divide into
    blocks of it; everything one-dimensional is stored as float32. Raises ``ModelFormatError`` for
    an architecture or a tokenizer that GGUF or this exporter does not know.
    """
    try:
        import gguf
    except ImportError as error:
        raise DependencyError(
            "exporting to GGUF needs the package gguf: pip install 'ondevice[export]'"
        ) from error
    architecture = find_architecture(checkpoint.architecture)
    writer = gguf.GGUFWriter(path, architecture.name)
    try:
        writer.add_type(gguf.GGUFType.MODEL)
        writer.add_name(name)
        kind = "ALL_F32" if quantization == "f32" else f"MOSTLY_{quantization.upper()}"
        writer.add_file_type(gguf.LlamaFileType[kind])
        writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
        for key, value in architecture.metadata(checkpoint.config).items():
            type_name = _VALUE_TYPES[type(value)]
            full_key = f"{architecture.name}.{key}"
            writer.add_key_value(full_key, value, gguf.GGUFValueType[type_name])
        _add_tokenizer(writer, checkpoint)
        stored_as = gguf.GGMLQuantizationType[quantization.upper()]
        # Twice through the checkpoint, so that one tensor at a time is in memory.
        for new_name, tensor, stored in _tensors(checkpoint, stored_as):
            block, size = gguf.GGML_QUANT_SIZES[stored]
            count = tensor.size // block * size
            writer.add_tensor_info(new_name, tensor.shape, tensor.dtype, count, raw_dtype=stored)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        for _, tensor, stored in _tensors(checkpoint, stored_as):
            writer.write_tensor_data(gguf.quants.quantize(tensor, stored))
    finally:
        writer.close()


def _add_tokenizer(writer: Any, checkpoint: Checkpoint) -> None:
    tokenizer = read_tokenizer(checkpoint)
    writer.add_tokenizer_model(tokenizer.model)
    writer.add_tokenizer_pre(tokenizer.pre)
    writer.add_token_list(tokenizer.tokens)
    writer.add_token_types(tokenizer.types)
    if tokenizer.merges:
        writer.add_token_merges(tokenizer.merges)
    if tokenizer.scores:
        writer.add_token_scores(tokenizer.scores)
        writer.add_add_space_prefix(tokenizer.add_space_prefix)
    if tokenizer.bos is not None:
        writer.add_bos_token_id(tokenizer.bos)
    if tokenizer.eos is not None:
        writer.add_eos_token_id(tokenizer.eos)
    writer.add_add_bos_token(tokenizer.add_bos)
    if chat := read_chat(checkpoint.folder):
        writer.add_chat_template(chat.template)


def tensor_namer(checkpoint: Checkpoint) -> Callable[[str], str | None]:
    """Return what gives a tensor's name in GGUF, None where it has none."""
    import gguf

    architecture = find_architecture(checkpoint.architecture)
    kind = next(k for k, name in gguf.MODEL_ARCH_NAMES.items() if name == architecture.name)
    names = gguf.get_tensor_name_map(kind, checkpoint.config["num_hidden_layers"])
    return lambda name: names.get_name(name, try_suffixes=(".weight", ".bias"))


def _tensors(checkpoint: Checkpoint, quantization: Any) -> Iterator[tuple[str, Tensor, Any]]:
    """Yield the tensors by their GGUF names, as they are laid out there, and how each is stored."""
    import gguf

    config, name_of = checkpoint.config, tensor_namer(checkpoint)
    architecture = find_architecture(checkpoint.architecture)
    for name, tensor in checkpoint.tensors():
        if name.endswith(".rotary_emb.inv_freq"):  # old checkpoints have it; it is computed
            continue
        changed = architecture.transform(name, tensor, config)
        if changed is None:
            continue
        new_name = name_of(name)
        if new_name is None:
            raise ModelFormatError(
                f"{checkpoint.folder}: the tensor {name} has no place in a GGUF file of the "
                f"architecture {architecture.name}"
            )
        yield new_name, changed, _storage(changed, quantization)
    for new_name, tensor in architecture.computed(config).items():
        yield new_name, tensor, gguf.GGMLQuantizationType.F32


def _storage(tensor: Tensor, quantization: Any) -> Any:
    import gguf

    if tensor.ndim == 1:
        return gguf.GGMLQuantizationType.F32
    block, _ = gguf.GGML_QUANT_SIZES[quantization]
    return gguf.GGMLQuantizationType.F16 if tensor.shape[-1] % block else quantization
