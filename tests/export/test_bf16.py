"""Networks in bf16: what engines lack is computed in float32, and a CPU can check them."""

from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from backends.onnxruntime.session import Uncomputable, open_session
from export.bf16 import read_for_cpu, widen_lacking
from export.comparing import relative_error
from export.lint import lint
from export.sessions import open_network
from export.value_types import read_types

OPSET = 22
BF16 = ml_dtypes.bfloat16


@pytest.fixture
def product(tmp_path: Path) -> Path:
    """x of float32, times weights of bf16, its sine, back in float32."""
    node = helper.make_node
    nodes = [
        node("Cast", ["x"], ["x_bf16"], to=TensorProto.BFLOAT16),
        node("MatMul", ["x_bf16", "w"], ["product"]),
        node("Sin", ["product"], ["wave"]),
        node("Cast", ["wave"], ["y"], to=TensorProto.FLOAT),
    ]
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["rows", 16]) for n in "xy"]
    weights = np.random.default_rng(0).standard_normal((16, 16)).astype(BF16)
    graph = helper.make_graph(
        nodes, "product", values[:1], values[1:], [numpy_helper.from_array(weights, "w")]
    )
    opsets = [helper.make_opsetid("", OPSET)]
    path = tmp_path / "model.onnx"
    onnx.save(helper.make_model(graph, ir_version=10, opset_imports=opsets), path)
    return path


def test_a_cpu_rounds_after_every_operator(product: Path) -> None:
    x = np.random.default_rng(1).standard_normal((3, 16)).astype(np.float32)
    (weight,) = onnx.load(product).graph.initializer
    w = numpy_helper.to_array(weight).astype(np.float32)
    exact = np.sin(x.astype(BF16).astype(np.float32) @ w)
    rounded = np.sin((x.astype(BF16).astype(np.float32) @ w).astype(BF16).astype(np.float32))

    found = open_network(product)({"x": x})["y"]

    assert relative_error(found, rounded.astype(BF16).astype(np.float32)) < 1e-3
    assert relative_error(found, exact) > 1e-3


def test_onnx_runtime_itself_refuses_it_on_a_cpu_in_one_sentence(product: Path) -> None:
    with pytest.raises(Uncomputable, match=r"on cpu .*in bf16 it has them on GPUs only"):
        open_session(product)


def test_what_gpus_lack_in_bf16_they_compute_in_float32(product: Path) -> None:
    before = open_network(product)({"x": np.ones((2, 16), np.float32)})["y"]
    assert [str(each) for each in lint(onnx.load(product), "onnxruntime_cuda")] == [
        "1 Sin of BFLOAT16"
    ]

    assert widen_lacking(product) == 1

    model = onnx.load(product)
    onnx.checker.check_model(model, full_check=True)
    assert lint(model, "onnxruntime_cuda") == lint(model, "tensorrt") == []
    assert read_types(model)["product"] == read_types(model)["w"] == "BFLOAT16"
    found = open_network(product)({"x": np.ones((2, 16), np.float32)})["y"]
    np.testing.assert_array_equal(found, before)


def test_weights_in_a_file_of_their_own_are_read_from_there(product: Path) -> None:
    x = {"x": np.ones((2, 16), np.float32)}
    inline = open_network(product)(x)["y"]
    model = onnx.load(product)
    onnx.save(
        model,
        product,
        save_as_external_data=True,
        location="model.onnx.data",
        size_threshold=0,
    )
    assert not read_for_cpu(product).graph.initializer[0].raw_data
    np.testing.assert_array_equal(open_network(product)(x)["y"], inline)
