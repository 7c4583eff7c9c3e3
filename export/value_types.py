"""The element type of every tensor in a graph, by ONNX's names: `FLOAT`, `BFLOAT16`, `INT64`."""

import onnx
from onnx import TensorProto

_LARGE_BYTES = 4096  # what shapes and axes are made of is smaller


def read_types(model: onnx.ModelProto) -> dict[str, str]:
    """Return the types of inputs, weights and what nodes make. Copies no large weight."""
    light = onnx.ModelProto(ir_version=model.ir_version)
    light.opset_import.extend(model.opset_import)
    light.functions.extend(model.functions)
    graph = light.graph
    graph.name = model.graph.name
    for field in ("node", "input", "output"):
        getattr(graph, field).extend(getattr(model.graph, field))
    graph.initializer.extend(map(_without_data, model.graph.initializer))
    inferred = onnx.shape_inference.infer_shapes(light).graph
    values = (*inferred.input, *inferred.output, *inferred.value_info)
    types = {each.name: _name(each.type.tensor_type.elem_type) for each in values}
    return types | {each.name: _name(each.data_type) for each in graph.initializer}


def _without_data(weight: onnx.TensorProto) -> onnx.TensorProto:
    if len(weight.raw_data) <= _LARGE_BYTES:
        return weight
    return onnx.TensorProto(name=weight.name, data_type=weight.data_type, dims=weight.dims)


def _name(number: int) -> str:
    return str(TensorProto.DataType.Name(number))
