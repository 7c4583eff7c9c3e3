"""Networks in bf16, and operators that an engine does not compute in it.

Such an operator gets float32 from a cast, and its answer is cast back: rounded to bf16 once, as the
engines do that add in float32. Weights stay in bf16.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import onnx
from onnx import TensorProto, helper

from export.kernels import Engine, has_kernel
from export.value_types import read_types

_TYPE = "BFLOAT16"
_FULL = "_float32"

# ONNX Runtime's CPU provider moves bf16, and computes nothing with it.
_MOVED_BY_CPUS = (
    "Cast",
    "Concat",
    "Constant",
    "Gather",
    "Identity",
    "Reshape",
    "Shape",
    "Slice",
    "Split",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
)


def widen(model: onnx.ModelProto, is_wide: Callable[[onnx.NodeProto], bool]) -> int:
    """Let the nodes for which `is_wide` compute in float32 where they would in bf16.

    Changes `model`; returns how many nodes were changed.
    """
    types, graph = read_types(model), model.graph
    nodes = list(graph.node)
    del graph.node[:]
    cast: set[str] = set()
    changed = 0
    for node in nodes:
        in_bf16 = {name for name in (*node.input, *node.output) if types.get(name) == _TYPE}
        if not in_bf16 or node.op_type == "Cast" or not is_wide(node):
            graph.node.append(node)
            continue
        changed += 1
        graph.node.extend(_cast_inputs(node, in_bf16 - cast))
        cast |= in_bf16 & set(node.input)
        behind = list(_cast_outputs(node, in_bf16))
        for i, name in enumerate(node.input):
            if name in in_bf16:
                node.input[i] = name + _FULL
        graph.node.extend([node, *behind])
    return changed


def widen_lacking(path: Path) -> int:
    """Let a file's nodes compute in float32 where an engine of GPUs has no kernel in bf16.

    ONNX Runtime computes a node on the CPU that its GPU provider lacks; in bf16 there is none
    either, and the network would not load.

    Returns how many nodes were changed.
    """
    model = onnx.load(str(path), load_external_data=False)
    engines: tuple[Engine, ...] = ("tensorrt", "onnxruntime_cuda")
    changed = widen(
        model,
        lambda node: any(
            not has_kernel(engine, node, _TYPE) and has_kernel(engine, node, "FLOAT")
            for engine in engines
        ),
    )
    onnx.save(model, str(path))
    return changed


def read_for_cpu(path: Path) -> onnx.ModelProto:
    """Return a network in bf16 as a CPU can compute it; large weights stay in the file beside it.

    Every operator computes in float32 and rounds to bf16: weights, roundings and their places are
    those of the file.
    """
    model = onnx.load(str(path), load_external_data=False)
    widen(model, lambda node: node.op_type not in _MOVED_BY_CPUS)
    return model


def _cast_inputs(node: onnx.NodeProto, names: set[str]) -> Iterator[onnx.NodeProto]:
    for name in dict.fromkeys(node.input):
        if name in names:
            yield helper.make_node("Cast", [name], [name + _FULL], to=TensorProto.FLOAT)


def _cast_outputs(node: onnx.NodeProto, names: set[str]) -> Iterator[onnx.NodeProto]:
    """Rename a node's outputs, and give the casts that make the original ones of them."""
    for i, name in enumerate(node.output):
        if name in names:
            node.output[i] = f"{name}_unrounded"
            yield helper.make_node("Cast", [node.output[i]], [name], to=TensorProto.BFLOAT16)
