"""What GPU engines have, against what networks want."""

from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from export.lint import Finding, advise, lint
from export.plan_network import read_for_tensorrt
from tests.export.small_networks import make_network
from tritone.card import ModelCard

STARTER = Path(__file__).parents[2] / "model_repository"
NETWORKS = ("text_encoder", "transformer", "vae_decoder")


def one_node(operator: str, kind: int = TensorProto.FLOAT, domain: str = "") -> onnx.ModelProto:
    tensors = [helper.make_tensor_value_info(name, kind, ["batch", 4]) for name in ("x", "y")]
    node = helper.make_node(operator, ["x"], ["y"], domain=domain)
    graph = helper.make_graph([node], "one", tensors[:1], tensors[1:])
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid(each, 18) for each in {"", domain}], ir_version=10
    )


@pytest.mark.parametrize("network", NETWORKS)
def test_tensorrt_takes_every_network_of_the_starter(network: str) -> None:
    path = STARTER / f"starter_{network}" / "1" / "model.onnx"
    assert lint(read_for_tensorrt(path), "tensorrt") == []


def test_tensorrt_does_not_take_a_decoder_as_it_is() -> None:
    path = STARTER / "starter_vae_decoder" / "1" / "model.onnx"
    assert lint(onnx.load(str(path)), "tensorrt") == [Finding("Cast", "INT16", 1)]


def test_one_operator_of_the_transformer_leaves_the_gpu_on_onnx_runtime() -> None:
    path = STARTER / "starter_transformer" / "1" / "model.onnx"
    assert lint(onnx.load(str(path)), "onnxruntime_cuda") == [Finding("Atan", None, 1)]


def test_what_an_engine_lacks_is_said_once(card: ModelCard) -> None:
    assert lint(one_node("Atan"), "tensorrt") == []
    assert lint(one_node("Bernoulli"), "tensorrt") == [Finding("Bernoulli", None, 1)]
    assert lint(one_node("Sqrt", domain="com.microsoft"), "tensorrt") == [Finding("Sqrt", None, 1)]
    assert lint(one_node("ConvTranspose", TensorProto.BFLOAT16), "onnxruntime_cuda") == [
        Finding("ConvTranspose", "BFLOAT16", 1)
    ]
    assert str(Finding("Cast", "INT16", 2)) == "2 Cast of INT16"


def test_only_the_border_of_a_decoder_is_widened(card: ModelCard, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(make_network("vae_decoder", card), str(path))

    model = read_for_tensorrt(path)

    (output,) = model.graph.output
    assert output.type.tensor_type.elem_type == TensorProto.INT32
    assert lint(model, "tensorrt") == []
    onnx.checker.check_model(read_for_tensorrt(path), full_check=True)


def test_an_int16_that_no_cast_makes_stays_and_is_found(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(one_node("Identity", TensorProto.INT16), str(path))

    assert lint(read_for_tensorrt(path), "tensorrt") == [Finding("Identity", "INT16", 1)]


def test_the_exporter_says_what_to_do() -> None:
    paths = {name: STARTER / f"starter_{name}" / "1" / "model.onnx" for name in NETWORKS}

    (advice,) = advise(paths)

    assert advice.startswith("transformer: ONNX Runtime on CUDA lacks 1 Atan")
    assert "python -m export engine" in advice


def test_a_network_that_gets_no_plan_is_named(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(one_node("Bernoulli"), str(path))

    lines = advise({"transformer": path})

    assert any("TensorRT lacks 1 Bernoulli" in line for line in lines)
    assert not any("a plan needs none" in line for line in lines)


def test_int8_is_said_to_be_for_cpus(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    kinds = {"x": TensorProto.FLOAT, "y": TensorProto.UINT8, "s": TensorProto.FLOAT}
    kinds["z"] = TensorProto.UINT8
    x, *outputs = (helper.make_tensor_value_info(name, kind, None) for name, kind in kinds.items())
    node = helper.make_node("DynamicQuantizeLinear", ["x"], ["y", "s", "z"])
    graph = helper.make_graph([node], "one", [x], outputs)
    opsets = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), str(path))

    assert "export with --precision fp16 for GPUs" in advise({"transformer": path})[0]
