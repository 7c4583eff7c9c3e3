"""Small networks with the tensors of the real ones: each phoneme is a tone of its own."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from tritone.kokoro_files import MAX_PHONEMES, STYLE_SIZE

_UNIT = 600  # samples of a unit of Kokoro's durations
_UNITS = 4.0  # of each phoneme at a speed of 1


def kokoro_network() -> bytes:
    """Return a network as Kokoro's: the style's first number is the loudness."""
    frequencies = (2 * np.pi / 24_000 * 110 * 2 ** (np.arange(200) / 36)).astype(np.float32)
    constants: dict[str, NDArray[Any]] = {
        "frequencies": frequencies,
        "units": np.array([_UNITS], np.float32),
        "unit": np.array([_UNIT], np.int64),
        "first": np.array([0], np.int64),
        "one": np.array([1], np.int64),
        "all": np.array([-1], np.int64),
        "axis": np.array(0, np.int64),
    }
    node = helper.make_node
    nodes = [
        node("Gather", ["frequencies", "tokens"], ["steps"]),  # [1, n]
        node("Div", ["units", "speed"], ["exact"]),
        node("Round", ["exact"], ["duration"]),  # [1]
        node("Shape", ["tokens"], ["shape"]),
        node("Expand", ["duration", "shape"], ["/encoder/Round_output_0"]),
        node("Cast", ["duration"], ["n_units"], to=TensorProto.INT64),
        node("Mul", ["n_units", "unit"], ["n_samples"]),
        node("Reshape", ["steps", "column"], ["steps_column"]),
        node("Slice", ["shape", "one", "two"], ["n"]),
        node("Concat", ["n", "n_samples"], ["square"], axis=0),
        node("Expand", ["steps_column", "square"], ["spread"]),
        node("Reshape", ["spread", "all"], ["flat"]),
        node("CumSum", ["flat", "axis"], ["phase"]),
        node("Sin", ["phase"], ["tone"]),
        node("Slice", ["style", "first", "one", "one"], ["gain"]),
        node("Reshape", ["gain", "all"], ["loudness"]),
        node("Mul", ["tone", "loudness"], ["audio"]),
    ]
    constants |= {"two": np.array([2], np.int64), "column": np.array([-1, 1], np.int64)}
    return _model(
        nodes,
        constants,
        [
            _value("tokens", TensorProto.INT64, [1, "n"]),
            _value("style", TensorProto.FLOAT, [1, STYLE_SIZE]),
            _value("speed", TensorProto.FLOAT, [1]),
        ],
        [_value("audio", TensorProto.FLOAT, ["samples"])],
    )


def kokoro_style(loudness: float = 0.3) -> bytes:
    """Return the file of a voice."""
    return np.full((MAX_PHONEMES, STYLE_SIZE), loudness, np.float32).tobytes()


def _value(name: str, type_: int, dims: Sequence[int | str]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, type_, dims)


def _model(
    nodes: Sequence[onnx.NodeProto],
    constants: dict[str, NDArray[Any]],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
) -> bytes:
    initializers = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "tones", inputs, outputs, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
