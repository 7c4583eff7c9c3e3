"""Which operators the engines of GPUs have, and in which types. Sources stand in `kernels.json`."""

import json
from functools import cache
from pathlib import Path
from typing import Literal

import onnx

Engine = Literal["tensorrt", "onnxruntime_cuda"]

_KERNELS = Path(__file__).with_name("kernels.json")
# TensorRT narrows DOUBLE to FLOAT by itself.
_READ_AS: dict[Engine, dict[str, str]] = {"tensorrt": {"DOUBLE": "FLOAT"}, "onnxruntime_cuda": {}}


def has_operator(engine: Engine, node: onnx.NodeProto) -> bool:
    """Return whether an engine has a node's operator in any type."""
    return node.domain in {"", "ai.onnx"} and node.op_type in _kernels()[engine]


def has_kernel(engine: Engine, node: onnx.NodeProto, type_name: str) -> bool:
    """Return whether an engine computes a node's operator in a type, as `FLOAT`."""
    read_as = _READ_AS[engine].get(type_name, type_name)
    return has_operator(engine, node) and read_as in _kernels()[engine][node.op_type]


@cache
def _kernels() -> dict[Engine, dict[str, set[str]]]:
    listed = json.loads(_KERNELS.read_text(encoding="utf-8"))
    engines: tuple[Engine, ...] = ("tensorrt", "onnxruntime_cuda")
    return {
        engine: {name: set(types.split()) for name, types in listed[engine].items()}
        for engine in engines
    }
