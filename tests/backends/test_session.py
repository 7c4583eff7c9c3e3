from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from backends.onnxruntime.session import (
    InvalidModel,
    check_tensors,
    find_model_file,
    open_configured_session,
)

onnx = pytest.importorskip("onnx", reason="needs the export extras")

CONFIG: dict[str, Any] = {
    "name": "double",
    "max_batch_size": 8,
    "input": [{"name": "x", "data_type": "TYPE_FP32", "dims": ["3"]}],
    "output": [{"name": "y", "data_type": "TYPE_FP32", "dims": ["-1"]}],
    "parameters": {"intra_op_thread_count": {"string_value": "1"}},
}


@pytest.fixture
def session(tmp_path: Path) -> onnxruntime.InferenceSession:
    helper, float32 = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "x"], ["y"])],
        "double",
        [helper.make_tensor_value_info("x", float32, ["batch", 3])],
        [helper.make_tensor_value_info("y", float32, ["batch", 3])],
    )
    opset = [helper.make_opsetid("", 18)]
    (tmp_path / "1").mkdir()
    onnx.save(
        helper.make_model(graph, ir_version=10, opset_imports=opset), tmp_path / "1/model.onnx"
    )
    return open_configured_session(find_model_file(tmp_path / "1", CONFIG), CONFIG)


def test_a_network_that_fits_its_configuration_runs(
    session: onnxruntime.InferenceSession,
) -> None:
    check_tensors(session, CONFIG)
    (y,) = session.run(["y"], {"x": np.ones((2, 3), np.float32)})
    np.testing.assert_array_equal(y, np.full((2, 3), 2, np.float32))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"input": [{"name": "z", "data_type": "TYPE_FP32", "dims": ["3"]}]}, "unexpected input"),
        ({"input": [{"name": "x", "data_type": "TYPE_INT64", "dims": ["3"]}]}, "TYPE_INT64"),
        ({"input": [{"name": "x", "data_type": "TYPE_FP32", "dims": ["4"]}]}, "shape"),
        ({"input": [{"name": "x", "data_type": "TYPE_FP32", "dims": ["3", "1"]}]}, "shape"),
        ({"max_batch_size": 0}, "shape"),
        ({"input": []}, "lacks inputs x"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(
    session: onnxruntime.InferenceSession, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidModel, match=message):
        check_tensors(session, {**CONFIG, **changes})


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidModel, match=r"model\.onnx"):
        find_model_file(tmp_path, CONFIG)


def test_a_folder_holds_the_network_and_its_external_weights(tmp_path: Path) -> None:
    (tmp_path / "big.onnx").mkdir()
    (tmp_path / "big.onnx" / "model.onnx").touch()
    config = {**CONFIG, "default_model_filename": "big.onnx"}
    assert find_model_file(tmp_path, config) == tmp_path / "big.onnx" / "model.onnx"
