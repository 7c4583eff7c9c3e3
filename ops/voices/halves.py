"""One network as two, one after the other, for who wants the begin of what the second one makes."""

from collections.abc import Collection

from ops.voices.onnx_messages import Message, parse

_FLOAT = 1  # of TensorProto.DataType


class NoCut(ValueError):
    """The graph does not fall into two at that tensor."""


def split(network: bytes, *, at: str, name: str, second: Collection[str]) -> tuple[bytes, bytes]:
    """Return two ONNX files that together make what `network` makes.

    `at` is a tensor of the graph, float32 [1, channels, n]. The first file makes it, as the output
    `name`, and whatever output is not in `second`. The second file makes the outputs in `second` of
    the input `name` alone.

    Raises:
        NoCut: an output in `second` needs more than that tensor.
    """
    first, last = parse(network), parse(network)
    if not any(at in node.output for node in first.graph.node):
        raise NoCut(f"the graph has no tensor {at!r}")
    _rename(first.graph, at, name)
    _rename(last.graph, at, name)
    kept = [value for value in first.graph.output if value.name not in second]
    _keep(first.graph, {name, *(value.name for value in kept)}, made=())
    _replace(first.graph.output, [_frames(first, name), *kept])
    needed = _keep(last.graph, set(second), made=(name,))
    if others := sorted(needed & {value.name for value in last.graph.input}):
        raise NoCut(f"beside {at!r} the outputs need {', '.join(others)}")
    _replace(last.graph.input, [_frames(last, name)])
    _replace(last.graph.output, [value for value in last.graph.output if value.name in second])
    return first.SerializeToString(), last.SerializeToString()


def _rename(graph: Message, old: str, new: str) -> None:
    for node in graph.node:
        for names in (node.input, node.output):
            for i, each in enumerate(names):
                if each == old:
                    names[i] = new


def _keep(graph: Message, wanted: Collection[str], made: Collection[str]) -> set[str]:
    """Drop what the wanted tensors do not need, as others are given; return all that is needed."""
    needed, nodes = set(wanted), []
    for node in reversed(graph.node):  # each stands behind those that it needs
        if needed.intersection(node.output) and not set(made).intersection(node.output):
            needed.update(node.input)
            nodes.append(node)
    _replace(graph.node, nodes[::-1])
    _replace(graph.initializer, [each for each in graph.initializer if each.name in needed])
    return needed


def _replace(field: Message, values: list[Message]) -> None:
    kept = [type(value).FromString(value.SerializeToString()) for value in values]
    del field[:]
    field.extend(kept)


def _frames(model: Message, name: str) -> Message:
    made = type(model)()
    value = made.graph.output.add(name=name)
    value.type.tensor_type.elem_type = _FLOAT
    for dim in ("one", f"{name}_channels", f"{name}_n"):
        value.type.tensor_type.shape.dim.add(dim_param=dim)
    return value
