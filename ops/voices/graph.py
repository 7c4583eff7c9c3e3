"""One more output for an ONNX graph, by bytes.

Two encodings of a protobuf message, one after the other, are the encoding of both merged: repeated
fields are joined. So a graph is extended by appending to its file, and nothing needs to parse it.
Source: protobuf.dev, "Encoding", section "Last One Wins"; field numbers: onnx.proto of onnx 1.23.
"""

from collections.abc import Sequence

# Field numbers of onnx.proto.
_MODEL_GRAPH = 7
_GRAPH_NODE, _GRAPH_OUTPUT = 1, 12
_NODE_INPUT, _NODE_OUTPUT, _NODE_OP_TYPE = 1, 2, 4
_VALUE_NAME, _VALUE_TYPE = 1, 2
_TYPE_TENSOR = 1
_TENSOR_ELEM_TYPE, _TENSOR_SHAPE = 1, 2
_SHAPE_DIM = 1
_DIM_PARAM = 2
_FLOAT = 1  # of TensorProto.DataType

_BYTES = 2  # protobuf's wire type of everything that has a length
_MORE = 0x80


def with_output(graph: bytes, tensor: str, name: str, dims: Sequence[str]) -> bytes:
    """Return an ONNX file with a tensor, float32, as a further output `name`.

    `tensor` is the name of the tensor in the graph; `dims` are names of its dimensions.
    """
    node = _text(_NODE_INPUT, tensor) + _text(_NODE_OUTPUT, name) + _text(_NODE_OP_TYPE, "Identity")
    shape = b"".join(_field(_SHAPE_DIM, _text(_DIM_PARAM, dim)) for dim in dims)
    element = _varint(_TENSOR_ELEM_TYPE << 3) + _varint(_FLOAT)
    type_ = _field(_TYPE_TENSOR, element + _field(_TENSOR_SHAPE, shape))
    output = _text(_VALUE_NAME, name) + _field(_VALUE_TYPE, type_)
    return graph + _field(_MODEL_GRAPH, _field(_GRAPH_NODE, node) + _field(_GRAPH_OUTPUT, output))


def _text(number: int, value: str) -> bytes:
    return _field(number, value.encode())


def _field(number: int, payload: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(payload)) + payload


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value >= _MORE:
        encoded.append(value % _MORE | _MORE)
        value //= _MORE
    return bytes([*encoded, value])
