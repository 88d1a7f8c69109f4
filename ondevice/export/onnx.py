"""A checkpoint as an ONNX graph with a key-value cache, in fp32, int8 or int4."""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ondevice.errors import DependencyError, ModelError
from ondevice.export.reference import load_model

_TASK = "text-generation-with-past"
_AFTER_FUSED = {"DefaultTensorType": 1}
"""The quantizer cannot tell the type of what fused attention gives; 1 is ONNX's float."""


def export_onnx(checkpoint: Path, path: Path, *, fused: bool = False) -> None:
    """Write the checkpoint folder as an fp32 graph to ``path``, one file; ``fused`` with attention
    as one operation (see ``attention``).

    Raises ``DependencyError`` without optimum, and ``ModelError`` when optimum cannot export it.
    """
    with _offline(), tempfile.TemporaryDirectory(prefix="ondevice-export-") as scratch:
        try:
            from optimum.exporters.onnx import onnx_export_from_model

            _teach_starcoder2()
        except ImportError as error:
            raise DependencyError(
                f"exporting to ONNX needs optimum ({error}): pip install 'ondevice[export]'"
            ) from error
        try:
            # Post-processing would merge a tied lm_head into the embedding, where the quantizers
            # do not find it. Validation is left to our own, which is stricter.
            model = load_model(checkpoint)
            model.config.use_cache = True
            onnx_export_from_model(
                model,
                output=scratch,
                task=_TASK,
                device="cpu",
                no_post_process=True,
                do_validation=False,
            )
        except (ValueError, KeyError, RuntimeError, OSError) as error:
            raise ModelError(f"optimum cannot export {checkpoint}: {error}") from error
        _save_as_one_file(Path(scratch) / "model.onnx", path, model if fused else None)


def _teach_starcoder2() -> None:
    """Tell optimum that StarCoder 2 has the inputs and the cache of Qwen 2."""
    from optimum.exporters.onnx import model_configs
    from optimum.exporters.tasks import TasksManager

    TasksManager.create_register("onnx")("starcoder2", _TASK)(model_configs.Qwen2OnnxConfig)


def quantize_int8(source: Path, path: Path, *, embedding: bool) -> None:
    """Write the fp32 graph ``source`` with 8-bit weights to ``path``.

    Unsigned weights with a scale for each column are closest to fp32 of the eight variants, by a
    third and more (measured): signed ones saturate on processors without VNNI, and the narrower
    range that would prevent it costs more than it saves. ``embedding`` includes the embedding, for
    a smaller file and a slightly larger error.
    """
    with _offline():
        from onnxruntime.quantization import QuantType, quantize_dynamic

        quantize_dynamic(
            source,
            path,
            op_types_to_quantize=["MatMul", "Gather"] if embedding else ["MatMul"],
            per_channel=True,
            reduce_range=False,
            weight_type=QuantType.QUInt8,
            extra_options=_AFTER_FUSED,
        )


def quantize_int4(source: Path, path: Path, *, block: int = 32) -> None:
    """Write the fp32 graph ``source`` with the matrices' weights in 4 bits to ``path``.

    Each ``block`` of weights has a scale and a zero point of its own (``MatMulNBits``); the
    embedding gets 8 bits, as in ``quantize_int8``.
    """
    with _offline():
        import onnx
        from onnxruntime.quantization import QuantType, quantize_dynamic
        from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

        quantizer = MatMulNBitsQuantizer(
            onnx.load(source), bits=4, block_size=block, is_symmetric=False, accuracy_level=4
        )
        quantizer.process()
        matrices = path.with_suffix(".matrices.onnx")
        onnx.save(quantizer.model.model, matrices)
        quantize_dynamic(
            matrices,
            path,
            op_types_to_quantize=["Gather"],
            weight_type=QuantType.QUInt8,
            extra_options=_AFTER_FUSED,
        )
        matrices.unlink()


def _save_as_one_file(source: Path, path: Path, fused: Any) -> None:
    """Save a graph that may be of several files; fuse attention where a model is given for it."""
    import onnx

    from ondevice.export.attention import fuse_attention

    # Beyond 2 GiB, protobuf's limit, weights lie in a second file, which onnx.load reads too.
    model = onnx.load(source)
    if model.ByteSize() >= 2**31:
        raise ModelError(
            f"{source.name} would have {model.ByteSize() / 2**30:.1f} GiB; ONNX graphs of one file "
            "end at 2 GiB. Export this model to GGUF"
        )
    if fused is not None:
        fuse_attention(model, fused)
    onnx.save(model, path)


@contextlib.contextmanager
def _offline() -> Iterator[None]:
    """Let nothing reach for the network or the home folder, and keep the tools' chatter away."""
    from huggingface_hub import constants

    settings = {
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "ORT_DISABLE_TELEMETRY": "1",
    }
    before = {name: os.environ.get(name) for name in settings}
    # Read once, when first imported: left so, the hub would be out of reach for good.
    offline = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    level = logging.root.manager.disable
    os.environ.update(settings)
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        constants.HF_HUB_OFFLINE = offline
        logging.disable(level)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
