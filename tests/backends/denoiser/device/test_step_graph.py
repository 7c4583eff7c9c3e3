"""The graph of a step, on the bundled transformer: its bits, and what is left to compute."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

from backends.denoiser.device.arctangent import replace_arctangents
from backends.denoiser.device.session import Device, Graph, open_graph
from backends.denoiser.device.step_graph import StepShape, make_step, read_network
from backends.denoiser.device.warm_up import Choices, open_steps
from backends.denoiser.predict.onnx import OnnxTransformer
from backends.denoiser.predict.rows import predict_rows
from tests.backends.fakes import job
from tritone.card import ModelCard, read_card

REPOSITORY = Path(__file__).parents[4] / "model_repository"
NETWORK = REPOSITORY / "starter_transformer" / "1" / "model.onnx"
FRAMES = 15

needs_starter = pytest.mark.skipif(not NETWORK.is_file(), reason="no model is published")


@pytest.fixture(scope="module")
def starter() -> ModelCard:
    card = read_card((REPOSITORY / "starter" / "config.pbtxt").read_text())
    assert card is not None
    return replace(card, max_frames=FRAMES)  # one length only, for the test's sake


@needs_starter
@pytest.mark.parametrize("eta", [0.0, 1.0], ids=["ODE", "SDE"])
def test_the_starter_makes_the_bits_of_the_host(starter: ModelCard, eta: float) -> None:
    card = replace(starter, schedule=replace(starter.schedule, eta=eta))
    choices = Choices(lengths=(FRAMES,), step_batch=1)
    steps = open_steps(NETWORK, card, Device(), choices).steps
    host = OnnxTransformer(NETWORK.parent, card, threads=1)
    (mine, _), (theirs, _) = (
        job(card, seed=7, steps=6, seconds_end=1.2, guidance_scale=3.0) for _ in range(2)
    )
    random = np.random.default_rng(0)
    for name, tensor in mine.conditioning.items():
        drawn = random.standard_normal(tensor.shape, np.float32)
        mine.conditioning[name] = theirs.conditioning[name] = drawn
    guided = set()
    while not theirs.trajectory.is_done:
        guided.add(theirs.step_guidance_scale)
        assert steps.take([mine], lambda *_: None) == [None]
        (denoised,) = predict_rows(host, [theirs])
        assert isinstance(denoised, np.ndarray)
        theirs.trajectory.advance(denoised)
    assert guided == {1.0, 3.0}  # steps of both kinds
    np.testing.assert_array_equal(mine.trajectory.latents, theirs.trajectory.latents)


@needs_starter
@pytest.mark.parametrize("is_guided", [False, True])
def test_nothing_is_left_to_compute_on_shapes(
    starter: ModelCard, tmp_path: Path, *, is_guided: bool
) -> None:
    shape = StepShape(FRAMES, 2, is_guided)
    graph = make_step(read_network(NETWORK), starter, shape, 5, lacks_atan=True)
    found = Counter(
        node.op_type for node in onnx.load(open_graph_as_file(graph, tmp_path)).graph.node
    )
    assert found["MatMul"] > 20
    assert not found.keys() & {
        "Shape",
        "Size",
        "Range",
        "ConstantOfShape",
        "NonZero",
        "MemcpyToHost",
        "MemcpyFromHost",
        "Atan",
    }


def open_graph_as_file(graph: onnx.ModelProto, folder: Path) -> Path:
    """Return what ONNX Runtime makes of a graph."""
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(folder / "optimized.onnx")
    options.log_severity_level = 3
    open_graph(Graph(graph), Device(), options)
    return folder / "optimized.onnx"


def test_the_arctangent_is_made_of_what_gpus_have() -> None:
    graph = helper.make_graph(
        [helper.make_node("Atan", ["x"], ["y"])],
        "atan",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n"])],
    )
    replace_arctangents(graph)
    assert not {"Atan", "Tan", "Asin"} & {node.op_type for node in graph.node}
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 18)])
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    levels = np.concatenate([[0.0, 1.0], np.geomspace(1e-3, 1e3, 5_000)]).astype(np.float32)
    (found,) = session.run(None, {"x": levels})
    np.testing.assert_allclose(found, np.arctan(levels.astype(np.float64)), rtol=2.5e-7)
