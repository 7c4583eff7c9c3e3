"""Random nodes of a graph become inputs: whoever runs it chooses the noise, so seeds work."""

import struct
from collections.abc import Callable, Iterator

from ops.voices.onnx_messages import Message
from tritone.piper_voice import noise_name

_RANDOM = frozenset({"RandomNormalLike"})
_UNSEEDED = frozenset({"RandomNormal", "RandomUniform", "RandomUniformLike", "Bernoulli"})
_FLOAT, _INT64 = 1, 7  # of TensorProto.DataType
_INT = 2  # of AttributeProto.AttributeType


class OtherNoise(ValueError):
    """The graph is random in a way that cannot be given from outside; says how."""


def list_noise(model: Message) -> list[str]:
    """Return the tensors that a graph draws, in its order."""
    return [node.output[0] for node in model.graph.node if node.op_type in _RANDOM]


def take_noise_as_inputs(model: Message) -> int:
    """Change a `Model` so that it takes its noise as inputs; return how many there are.

    Each is float32 [1, channels, n]. Where the graph needs more columns than n, they repeat; where
    it needs fewer, the first are taken.

    Raises:
        OtherNoise: the graph draws other noise than standard normal of a given shape.
    """
    others = sorted({node.op_type for node in model.graph.node} & _UNSEEDED)
    if others:
        raise OtherNoise(f"the graph has nodes that no seed reaches: {', '.join(others)}")
    nodes, n_found = [], 0
    for node in model.graph.node:
        if node.op_type not in _RANDOM:
            nodes.append(node)
            continue
        _require_standard(node)
        nodes += _replacement(type(node), node.input[0], node.output[0], n_found)
        _add_input(model.graph, noise_name(n_found))
        n_found += 1
    if n_found:
        _add_constants(model.graph)
    kept = [type(node).FromString(node.SerializeToString()) for node in nodes]
    del model.graph.node[:]
    model.graph.node.extend(kept)
    return n_found


def _require_standard(node: Message) -> None:
    given = {attribute.name for attribute in node.attribute}
    if given & {"mean", "scale"}:
        # Exporters leave both out: they multiply and add in nodes of their own.
        raise OtherNoise(f"the node {node.name} has a mean or a scale of its own")


_ZERO, _ONE, _LAST = "tritone_zero", "tritone_one", "tritone_last"


def _add_constants(graph: Message) -> None:
    for name, value in ((_ZERO, 0), (_ONE, 1), (_LAST, -1)):
        # A scalar: no dims.
        graph.initializer.add(name=name, data_type=_INT64, raw_data=struct.pack("<q", value))


def _add_input(graph: Message, name: str) -> None:
    made = graph.input.add(name=name)
    made.type.tensor_type.elem_type = _FLOAT
    for dim in ("batch", f"{name}_channels", f"{name}_columns"):
        made.type.tensor_type.shape.dim.add(dim_param=dim)


def _replacement(
    make: Callable[..., Message], like: str, output: str, index: int
) -> Iterator[Message]:
    """Yield nodes that take as many columns of a noise input as the tensor `like` has."""
    noise = noise_name(index)

    def node(op_type: str, inputs: list[str], name: str, axis: int | None = None) -> Message:
        made = make(op_type=op_type, name=f"{noise}/{op_type}/{name}", input=inputs, output=[name])
        if axis is not None:
            made.attribute.add(name="axis", i=axis, type=_INT)
        return made

    def own(name: str) -> str:
        return f"{noise}/{name}"

    yield node("Shape", [like], own("wanted_shape"))
    yield node("Gather", [own("wanted_shape"), _LAST], own("wanted"), axis=0)
    yield node("Shape", [noise], own("shape"))
    yield node("Gather", [own("shape"), _LAST], own("given"), axis=0)
    yield node("Range", [_ZERO, own("wanted"), _ONE], own("columns"))
    yield node("Mod", [own("columns"), own("given")], own("taken"))
    yield node("Gather", [noise, own("taken")], output, axis=2)
