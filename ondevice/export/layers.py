"""Where an export begins to differ: what comes out of each layer, beside the checkpoint's."""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ondevice.backends.llama_library import Batch, load_library
from ondevice.errors import ModelError
from ondevice.export.reference import Reference

States = Mapping[int, NDArray[np.float32]]
"""By layer, what comes out of it, one row a token; -1 is the embedding."""

TOKENS = 64
_NODE_OF_LAYER = re.compile(r"/(?:layers|h|blocks)\.(\d+)/")
_EMBEDDINGS = ("inp_scaled", "inp_embd", "embd")


def locate(reference: Reference, path: Path, allowed: float) -> str:
    """Say, in words, which layer of the written file ``path`` is the first whose output differs
    in the mean by more than ``allowed`` of the spread of the checkpoint's.

    The file itself is run, with what it computes inside laid open. Where the names in it do not
    tell its layers apart, that is said instead.
    """
    tokens = reference.held[:TOKENS]
    expected = reference.hidden_states(tokens)
    read = read_gguf if path.suffix == ".gguf" else read_onnx
    try:
        found = read(path, tokens, expected[0].shape[1])
    except (ModelError, AttributeError):
        found = {}
    # The checkpoint's last state is after the final norm, so the last layer stands for that, too.
    inner = len(expected) - 1
    if not all(layer in found for layer in range(inner - 1)):
        return "which layer is the first to differ cannot be told from this file"
    for layer in range(-1, inner - 1):
        if layer not in found:
            continue
        wanted = expected[layer + 1]
        off = float(np.abs(found[layer] - wanted).mean() / np.ptp(wanted))
        if not off <= allowed:
            name = f"layer {layer}" if layer >= 0 else "the embedding"
            return (
                f"of layers 0 to {inner - 1}, the first to differ is {name}: what comes out of it "
                f"is off by {off:.2g} of its spread in the mean"
            )
    return (
        f"what comes out of the layers up to {inner - 2} agrees, so the difference is in layer "
        f"{inner - 1}, the final norm or the output matrix"
    )


def read_onnx(path: Path, tokens: Sequence[int], width: int) -> States:
    """Run a graph as optimum exports it with what passes from layer to layer as further outputs."""
    import onnx
    import onnxruntime

    model = onnx.load(path)
    candidates = _between_layers(model.graph)
    names = [name for several in candidates.values() for name in several]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    # As it stands: fused, the names would be gone.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        given = dict(zip(names, session.run(names, _inputs(session, tokens)), strict=True))
    except Exception as error:  # its exceptions share no base class
        raise ModelError(f"{path.name} cannot be run with its inner values: {error}") from error
    states = {}
    for layer, several in candidates.items():
        fitting = [given[n][0] for n in several if given[n].shape == (1, len(tokens), width)]
        if len(fitting) == 1:
            states[layer] = fitting[0].astype(np.float32)
    return states


def _between_layers(graph: Any) -> dict[int, set[str]]:
    """Return the values that leave each layer for the next; -1 are those that enter the first."""
    made_in = {name: _layer(node.name) for node in graph.node for name in node.output}
    passed: dict[int, set[str]] = {}
    for node in graph.node:
        to = _layer(node.name)
        if to is None:
            continue
        before = None if to == 0 else to - 1
        leaving = {name for name in node.input if name in made_in and made_in[name] == before}
        passed.setdefault(to - 1, set()).update(leaving)
    return passed


def _layer(node: str) -> int | None:
    match = _NODE_OF_LAYER.search(node)
    return int(match[1]) if match else None


def _inputs(session: Any, tokens: Sequence[int]) -> dict[str, NDArray[Any]]:
    places = np.arange(len(tokens), dtype=np.int64)[None]
    fed = {
        "input_ids": np.array([tokens], dtype=np.int64),
        "attention_mask": np.ones_like(places),
        "position_ids": places,
    }
    inputs = {item.name: item for item in session.get_inputs()}
    for name, item in inputs.items():
        if name not in fed:
            kind = np.float16 if item.type == "tensor(float16)" else np.float32
            fed[name] = np.zeros((1, item.shape[1], 0, item.shape[3]), kind)
    return {name: value for name, value in fed.items() if name in inputs}


def read_gguf(path: Path, tokens: Sequence[int], width: int) -> States:
    """Run a GGUF file and read ``l_out-0``, ``l_out-1`` ... while llama.cpp computes them.

    Raises ``ModelError`` where llama.cpp refuses.
    """
    library = load_library()
    seen: dict[str, NDArray[np.float32]] = {}
    wanted = re.compile(r"l_out-\d+|" + "|".join(_EMBEDDINGS))

    def keep(name: str, values: NDArray[np.float32]) -> None:
        if values.size == len(tokens) * width:
            seen[name] = values.reshape(len(tokens), width)

    callback = library.ggml_backend_sched_eval_callback(_observer(library, wanted, keep))
    _run_gguf(library, path, tokens, callback)
    states = {int(n.partition("-")[2]): value for n, value in seen.items() if n.startswith("l_")}
    for name in _EMBEDDINGS:
        if name in seen:
            return {-1: seen[name], **states}
    return states


def _observer(
    library: Any, wanted: re.Pattern[str], keep: Callable[[str, NDArray[np.float32]], None]
) -> Callable[[int, bool, int], bool]:
    native = library._lib
    native.ggml_get_name.restype = ctypes.c_char_p
    native.ggml_get_name.argtypes = [ctypes.c_void_p]
    native.ggml_nbytes.restype = ctypes.c_size_t
    native.ggml_nbytes.argtypes = [ctypes.c_void_p]
    native.ggml_backend_tensor_get.argtypes = [
        *(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t)
    ]

    def observe(tensor: int, ask: bool, _: int) -> bool:
        name = native.ggml_get_name(tensor).decode("utf-8", "replace")
        if not wanted.fullmatch(name):
            return not ask
        if not ask:
            values = np.empty(native.ggml_nbytes(tensor) // 4, dtype=np.float32)
            native.ggml_backend_tensor_get(tensor, values.ctypes.data, 0, values.nbytes)
            keep(name, values)
        return True

    return observe


def _run_gguf(library: Any, path: Path, tokens: Sequence[int], callback: Any) -> None:
    model = library.llama_model_load_from_file(
        os.fsencode(path), library.llama_model_default_params()
    )
    if not model:
        raise ModelError(f"llama.cpp cannot load {path}")
    parameters = library.llama_context_default_params()
    parameters.n_ctx = parameters.n_batch = parameters.n_ubatch = max(TOKENS, len(tokens))
    parameters.cb_eval = callback
    context = library.llama_init_from_model(model, parameters)
    try:
        if not context:
            raise ModelError(f"llama.cpp cannot make a context for {path}")
        batch = Batch(library, len(tokens))
        # Logits of all tokens: for fewer, the last layers would leave the others out.
        cells = [(token, position, 0) for position, token in enumerate(tokens)]
        batch.fill(cells, range(len(tokens)))
        if library.llama_decode(context, batch.struct):
            raise ModelError(f"llama.cpp cannot evaluate {path}")
    finally:
        if context:
            library.llama_free(context)
        library.llama_model_free(model)
