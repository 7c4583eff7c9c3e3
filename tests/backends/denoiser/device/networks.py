"""A guided transformer of a few operators, as the exporter writes them, and steps over it."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from backends.denoiser.device.session import Device
from backends.denoiser.device.warm_up import Choices, Opened, open_steps
from backends.denoiser.job import Rounding
from backends.denoiser.predict.onnx import OnnxTransformer
from backends.denoiser.predict.rows import Predictors
from backends.denoiser.scheduler import Scheduler
from backends.denoiser.steps import OneLane
from tests.backends.fakes import FakeMetrics, make_scheduler
from tritone.card import ModelCard
from tritone.tensors import DENOISED, OF_GUIDED_ROWS, transformer


def write_network(folder: Path, card: ModelCard, *, one_batch: bool = False) -> Path:
    """Write x0 = x / (1 + sigma) + atan(sigma) + p + (scale - 1) (p - n), and return its file.

    p and n are the means of the prompt's conditioning and of the negative one; `one_batch`: all
    inputs have one batch, as older exports want it.
    """
    node = helper.make_node
    nodes = [
        node("Unsqueeze", ["sigma", "two"], ["level"]),
        node("Add", ["level", "one"], ["divisor"]),
        node("Div", ["latents", "divisor"], ["scaled"]),
        node("Atan", ["level"], ["angle"]),
        node("ReduceMean", ["conditioning", "axes"], ["p"], keepdims=1),
        node("ReduceMean", ["negative_conditioning", "axes"], ["guided_n"], keepdims=1),
        # Rows that are not guided stand behind: theirs is 0, and its factor, too.
        node("Shape", ["p"], ["rows"]),
        node("Shape", ["guided_n"], ["guided_rows"]),
        node("Sub", ["rows", "guided_rows"], ["missing"]),
        node("Concat", ["no_pads", "missing"], ["pads"], axis=0),
        node("Pad", ["guided_n", "pads"], ["n"]),
        node("Unsqueeze", ["guidance_scale", "two"], ["scale"]),
        node("Max", ["scale", "one"], ["at_least_1"]),
        node("Sub", ["at_least_1", "one"], ["extra"]),
        node("Sub", ["p", "n"], ["difference"]),
        node("Mul", ["extra", "difference"], ["guidance"]),
        node("Add", ["p", "guidance"], ["guided_p"]),
        node("Add", ["guided_p", "angle"], ["offset"]),
        node("Add", ["scaled", "offset"], [DENOISED]),
    ]
    constants: dict[str, tuple[int, list[int], list[float]]] = {
        "two": (TensorProto.INT64, [1], [2]),
        "one": (TensorProto.FLOAT, [], [1.0]),
        "axes": (TensorProto.INT64, [2], [1, 2]),
        "no_pads": (TensorProto.INT64, [3], [0, 0, 0]),
    }
    io = transformer(card)
    rows = dict.fromkeys(OF_GUIDED_ROWS, "batch" if one_batch else "guided")
    inputs, outputs = (
        [
            helper.make_tensor_value_info(
                spec.name,
                TensorProto.FLOAT,
                [rows.get(spec.name, "batch"), *("frames" if d < 0 else d for d in spec.dims)],
            )
            for spec in specs
        ]
        for specs in (io.inputs, io.outputs)
    )
    graph = helper.make_graph(nodes, "network", inputs, outputs)
    graph.initializer.extend(
        helper.make_tensor(name, dtype, dims, np.array(values))
        for name, (dtype, dims, values) in constants.items()
    )
    opset = [helper.make_opsetid("", 18)]
    path = folder / "a_transformer" / "1" / "model.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=opset), path)
    return path


def open_lane(path: Path, card: ModelCard, frames: int, step_batch: int) -> Opened:
    """Return steps on the CPU for one length and the window."""
    return open_steps(path, card, Device(), Choices(lengths=(frames,), step_batch=step_batch))


def schedule_on_device(opened: Opened, metrics: FakeMetrics) -> Scheduler:
    """Return a scheduler over steps on a device."""
    lane = OneLane(opened.steps, opened.step_batch, Rounding())
    return make_scheduler(lane, metrics, step_batch=opened.step_batch, max_pending=32)


def schedule_on_host(path: Path, card: ModelCard, metrics: FakeMetrics, rows: int) -> Scheduler:
    """Return a scheduler as it is without a device."""
    model = OnnxTransformer(path.parent, card, threads=1)
    return make_scheduler(Predictors(1, model, model), metrics, step_batch=rows, max_pending=32)
