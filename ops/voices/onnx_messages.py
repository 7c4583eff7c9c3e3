"""The messages of an ONNX file that we change; whatever else it holds is kept as it is.

Serving needs no `onnx` for this (27 MB): protobuf, which Triton's client brings, keeps fields that
a message does not name. Source of the field numbers: onnx.proto of onnx 1.23.
"""

from typing import Any

from google.protobuf import (  # type: ignore[import-untyped]
    descriptor_pb2,
    descriptor_pool,
    message_factory,
)
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

Message = Any
"""A protobuf message: its class is made when this module is loaded, so no checker knows it."""

_PACKAGE = "tritone_onnx"
_SCALARS = {"string": 9, "bytes": 12, "int64": 3, "int32": 5}  # FieldDescriptorProto.Type
_MESSAGE = 11

# Message: field: (number, type); a star: repeated.
_SCHEMA: dict[str, dict[str, tuple[int, str]]] = {
    "Model": {"graph": (7, "Graph")},
    "Graph": {
        "node": (1, "Node*"),
        "initializer": (5, "Tensor*"),
        "input": (11, "ValueInfo*"),
        "output": (12, "ValueInfo*"),
    },
    "Node": {
        "input": (1, "string*"),
        "output": (2, "string*"),
        "name": (3, "string"),
        "op_type": (4, "string"),
        "attribute": (5, "Attribute*"),
    },
    "Attribute": {"name": (1, "string"), "i": (3, "int64"), "type": (20, "int32")},
    "Tensor": {
        "dims": (1, "int64*"),
        "data_type": (2, "int32"),
        "name": (8, "string"),
        "raw_data": (9, "bytes"),
    },
    "ValueInfo": {"name": (1, "string"), "type": (2, "Type")},
    "Type": {"tensor_type": (1, "TensorType")},
    "TensorType": {"elem_type": (1, "int32"), "shape": (2, "Shape")},
    "Shape": {"dim": (1, "Dimension*")},
    "Dimension": {"dim_value": (1, "int64"), "dim_param": (2, "string")},
}


class InvalidOnnx(ValueError):
    """The file is no ONNX file."""


def _file() -> Message:
    file = descriptor_pb2.FileDescriptorProto(
        name=f"{_PACKAGE}.proto", package=_PACKAGE, syntax="proto2"
    )
    for message, fields in _SCHEMA.items():
        made = file.message_type.add(name=message)
        for name, (number, type_) in fields.items():
            field = made.field.add(name=name, number=number, label=3 if type_[-1] == "*" else 1)
            scalar = _SCALARS.get(type_.rstrip("*"))
            field.type = scalar or _MESSAGE
            if scalar is None:
                field.type_name = f".{_PACKAGE}.{type_.rstrip('*')}"
    return file


_POOL = descriptor_pool.DescriptorPool()
_POOL.Add(_file())
Model: Message = message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"{_PACKAGE}.Model"))


def parse(content: bytes) -> Message:
    """Return a `Model`.

    Raises:
        InvalidOnnx: it is none.
    """
    try:
        model = Model.FromString(content)
    except DecodeError as error:
        raise InvalidOnnx(f"not an ONNX file: {error}") from error
    if not model.graph.node:
        raise InvalidOnnx("not an ONNX file: it holds no graph")
    return model
