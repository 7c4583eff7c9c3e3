from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from backends.onnxruntime.session import (
    InvalidModel,
    check_tensors,
    find_model_file,
    list_providers,
    open_configured_session,
    open_session,
    read_device_options,
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


def test_a_gpu_is_asked_for_by_number_and_options() -> None:
    assert list_providers("cpu", {"gpu_mem_limit": "1"}) == ["CPUExecutionProvider"]
    (cuda, options), cpu = list_providers("cuda:1", {"gpu_mem_limit": "1"})
    assert (cuda, cpu) == ("CUDAExecutionProvider", "CPUExecutionProvider")
    assert options["device_id"] == "1"
    assert options["gpu_mem_limit"] == "1"
    assert list_providers("cuda", {})[0][1]["device_id"] == "0"


def test_only_what_the_provider_understands_is_read() -> None:
    said = {"use_tf32": "0", "intra_op_thread_count": "2", "gpu_mem_limit": "1000"}
    parameters = {key: {"string_value": value} for key, value in said.items()}
    assert read_device_options({"parameters": parameters}) == {
        "use_tf32": "0",
        "gpu_mem_limit": "1000",
    }
    assert read_device_options({}) == {}


def test_a_network_that_silently_stays_on_the_cpu_does_not_load(
    session: onnxruntime.InferenceSession, tmp_path: Path
) -> None:
    is_unknown = pytest.warns(UserWarning, match="CUDAExecutionProvider")
    with is_unknown, pytest.raises(InvalidModel, match=r"does not take '.*' to cuda"):
        open_session(tmp_path / "1/model.onnx", device="cuda")
