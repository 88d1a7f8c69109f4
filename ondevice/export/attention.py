"""Attention of an ONNX graph as one operation, which keeps its cache in place.

onnxruntime's ``GroupQueryAttention`` does what some fifty nodes a layer do otherwise, rotates
queries and keys itself, and appends to keys and values where they lie instead of copying them.
Source of its inputs: the contrib operators' documentation of onnxruntime (com.microsoft).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ondevice.backends.onnx_shared import MARK
from ondevice.errors import ModelFormatError

FUSIBLE = (
    *("LlamaForCausalLM", "MistralForCausalLM", "Olmo2ForCausalLM", "OlmoForCausalLM"),
    *("Qwen2ForCausalLM", "Starcoder2ForCausalLM"),
)
"""Architectures whose queries and keys are only rotated between their projection and attention."""
_DOMAIN = "com.microsoft"
_HERE = "/ondevice/"


def fuse_attention(graph_model: Any, model: Any) -> None:
    """Change an ``onnx.ModelProto``, as optimum exports the transformers ``model``, in place.

    Raises ``ModelFormatError`` where the architecture is not one of ``FUSIBLE``, or its graph has
    another form.
    """
    name = type(model).__name__
    if name not in FUSIBLE:
        raise ModelFormatError(
            f"the attention of {name} cannot be fused; that of these can: {', '.join(FUSIBLE)}"
        )
    graph, config = graph_model.graph, model.config
    lengths, rotary = _length_nodes(), _rotary(model)
    attention = {
        (old := _projection(graph, layer, "o")).name: _attention(graph, layer, old, config)
        for layer in range(config.num_hidden_layers)
    }
    nodes = list(lengths)
    for node in graph.node:
        if node.name in attention:
            fused = attention[node.name]
            node.input[0] = fused.output[0]
            nodes.append(fused)
        nodes.append(_without_presents(node))
    graph.initializer.extend(rotary)
    _keep_needed(graph, nodes)
    graph_model.opset_import.append(_opset())
    entry = graph_model.metadata_props.add()
    entry.key, entry.value = MARK


def _opset() -> Any:
    from onnx import helper

    return helper.make_opsetid(_DOMAIN, 1)


def _rotary(model: Any) -> list[Any]:
    """Return the cosines and sines of all positions, each of shape (context, half a head)."""
    import torch
    from onnx import numpy_helper

    positions = torch.arange(model.config.max_position_embeddings)[None]
    with torch.no_grad():
        waves = model.model.rotary_emb(torch.zeros(1), positions)
    halves = (wave[0, :, : wave.shape[-1] // 2].contiguous().numpy() for wave in waves)
    names = (f"{_HERE}cos", f"{_HERE}sin")
    return [numpy_helper.from_array(half, name) for name, half in zip(names, halves, strict=True)]


def _length_nodes() -> list[Any]:
    """Return nodes that take each row's tokens, less one, and the longest's from the mask."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    one = numpy_helper.from_array(np.array([1], np.int64))
    make: Callable[..., Any] = helper.make_node
    steps = (
        make("Constant", [], [f"{_HERE}one"], value=one),
        make("ReduceSum", ["attention_mask", f"{_HERE}one"], [f"{_HERE}sums"], keepdims=0),
        make("Sub", [f"{_HERE}sums", f"{_HERE}one"], [f"{_HERE}before"]),
        make("Cast", [f"{_HERE}before"], [f"{_HERE}lengths"], to=TensorProto.INT32),
        make("Shape", ["attention_mask"], [f"{_HERE}width"], start=1, end=2),
        make("Squeeze", [f"{_HERE}width"], [f"{_HERE}longest"]),
        make("Cast", [f"{_HERE}longest"], [f"{_HERE}total"], to=TensorProto.INT32),
    )
    for number, node in enumerate(steps):
        node.name = f"{_HERE}length{number}"
    return list(steps)


def _attention(graph: Any, layer: int, output: Any, config: Any) -> Any:
    """Return the node that takes the place of a layer's attention, before its ``output``
    projection."""
    from onnx import helper

    past = [f"past_key_values.{layer}.{kind}" for kind in ("key", "value")]
    heads = config.num_attention_heads
    scope = output.name.rpartition("/o_proj")[0]
    return helper.make_node(
        "GroupQueryAttention",
        [
            *(_before_heads(graph, layer, part) for part in "qkv"),
            *past,
            *(f"{_HERE}{name}" for name in ("lengths", "total", "cos", "sin")),
        ],
        [f"{scope}/fused", *(name.replace("past_key_values", "present") for name in past)],
        name=f"{scope}/GroupQueryAttention",
        domain=_DOMAIN,
        num_heads=heads,
        kv_num_heads=getattr(config, "num_key_value_heads", None) or heads,
        do_rotary=1,
    )


def _projection(graph: Any, layer: int, part: str) -> Any:
    place = f"/layers.{layer}/self_attn/{part}_proj/"
    for node in graph.node:
        if place in node.name and node.op_type == "MatMul":
            return node
    raise ModelFormatError(f"the graph has no node {place}MatMul, so it cannot be fused")


def _before_heads(graph: Any, layer: int, part: str) -> str:
    """Return the value that is split into heads: the projection with its bias, norm or clip."""
    readers: dict[str, list[Any]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    queue = deque(_projection(graph, layer, part).output)
    while queue:
        value = queue.popleft()
        for node in readers.get(value, ()):
            if node.op_type == "Reshape" and node.input[0] == value:
                return str(value)
            if node.op_type != "Shape":
                queue.extend(node.output)
    raise ModelFormatError(f"the {part}_proj of layer {layer} is not split into heads as expected")


def _without_presents(node: Any) -> Any:
    """Rename the outputs of a node that used to make the grown cache, and what reads them."""
    for names in (node.input, node.output):
        for place, name in enumerate(names):
            if name.startswith("present."):
                names[place] = f"{_HERE}{name}"
    return node


def _keep_needed(graph: Any, nodes: Iterable[Any]) -> None:
    """Put those of the sorted ``nodes`` into the graph that its outputs depend on."""
    needed = {value.name for value in graph.output}
    kept = []
    for node in reversed(list(nodes)):
        if needed & {*node.output}:
            needed |= _read_by(node)
            kept.append(node)
    for values in (graph.initializer, graph.input):
        used = [value for value in values if value.name in needed]
        del values[:]
        values.extend(used)
    del graph.node[:], graph.value_info[:]
    graph.node.extend(reversed(kept))
    shapes: Mapping[str, Any] = {value.name: value for value in (*graph.input, *graph.output)}
    for name, value in shapes.items():
        if name.startswith(("past_key_values.", "present.")):
            value.type.tensor_type.shape.dim[2].dim_param = "room"


def _read_by(node: Any) -> set[str]:
    """Return what a node reads, and the graphs inside it."""
    names = {*node.input}
    for attribute in node.attribute:
        for inner in attribute.g.node:
            names |= _read_by(inner)
    return names
