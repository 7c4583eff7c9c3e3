"""One ONNX graph for a whole step: rows out of their slots, transformer, solver, back again.

Every size is a constant in it, so nothing is left to compute on shapes, and a device can capture
it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from backends.denoiser.device.arctangent import replace_arctangents
from backends.onnxruntime.session import InvalidModel
from tritone.card import ModelCard
from tritone.tensors import (
    DENOISED,
    GUIDANCE_SCALE,
    LATENTS,
    NEGATIVE_CONDITIONING,
    OF_GUIDED_ROWS,
    SIGMA,
    list_conditioning,
)

STATE = "state"
"""float32 [slots, 2, latent_channels, latent_frames]: latents, and the prediction before."""

NUMBERS = "numbers"
"""float32 [rows, 8]: slot to read, slot to write, sigma, guidance scale, the solver's scalars."""

NOISE = "noise"
"""float32 [rows, latent_channels, latent_frames]."""

IS_FINITE = "is_finite"
"""float32 [1]: 1 if every prediction was finite. If not, no slot has changed."""

N_NUMBERS = 8
_AFTER = "_after"
_READ, _WRITE, _A, _B, _C, _D = "slot_to_read", "slot_to_write", *(f"scalar_{x}" for x in "abcd")
_TYPES = {"FP32": TensorProto.FLOAT, "INT64": TensorProto.INT64}


@dataclass(frozen=True, slots=True, order=True)
class StepShape:
    """What one graph is for."""

    frames: int  # latent frames
    rows: int
    is_guided: bool  # all rows, or none


def slots_of(name: str) -> str:
    """Return the name of the slots of a conditioning tensor: [slots, ...]."""
    return f"slots_of_{name}"


def after(name: str) -> str:
    """Return the output that is written over the slots of this name."""
    return name + _AFTER


def can_spare_rows(network: onnx.ModelProto) -> bool:
    """Return whether rows that are not guided may come without a negative conditioning.

    Older exports want one batch size of all inputs, as Triton does.
    """
    rows = {each.name: each.type.tensor_type.shape.dim[0] for each in network.graph.input}
    negative = rows.get(NEGATIVE_CONDITIONING)
    return negative is None or negative.dim_param != rows[LATENTS].dim_param


def read_network(path: Path) -> onnx.ModelProto:
    """Return a transformer; weights in a file of their own stay there.

    Raises:
        InvalidModel: the file is no network.
    """
    try:
        return onnx.load(str(path), load_external_data=False)
    except Exception as error:  # what protobuf raises is not onnx's own
        raise InvalidModel(f"'{path}' is no ONNX file: {error}") from error


def make_step(
    network: onnx.ModelProto, card: ModelCard, shape: StepShape, slots: int, *, lacks_atan: bool
) -> onnx.ModelProto:
    """Return the graph of a step; its weights are those of `network`.

    `lacks_atan`: the device has no arctangent, so it is made of what it has.
    """
    model = onnx.ModelProto()
    model.CopyFrom(network)
    graph = model.graph
    before = _make_rows(card, shape)
    behind = _make_solver(graph)
    _set_inputs(graph, card, shape, slots)
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend([*before, *nodes, *behind])
    if not shape.is_guided:
        _add_empty_negatives(graph, card)
    if lacks_atan:
        replace_arctangents(graph)
    del graph.output[:]
    state = _value(after(STATE), TensorProto.FLOAT, (slots, 2, card.latent_channels, shape.frames))
    graph.output.extend([state, _value(IS_FINITE, TensorProto.FLOAT, (1,))])
    del graph.value_info[:]  # sizes by name, which are numbers now
    return model


def _make_rows(card: ModelCard, shape: StepShape) -> list[onnx.NodeProto]:
    columns = [_READ, _WRITE, SIGMA, GUIDANCE_SCALE, _A, _B, _C, _D]
    node = helper.make_node
    nodes = [
        node("Split", [NUMBERS], columns, axis=1, num_outputs=N_NUMBERS),
        node("Cast", [_READ], ["read_as_integers"], to=TensorProto.INT64),
        node("Cast", [_WRITE], ["slots_to_write"], to=TensorProto.INT64),
        node("Squeeze", ["read_as_integers", "axis_1"], ["slots_to_read"]),
        node("Gather", [STATE, "slots_to_read"], ["rows_before"], axis=0),
        node("Split", ["rows_before"], ["latents_4d", "previous_4d"], axis=1, num_outputs=2),
        node("Squeeze", ["latents_4d", "axis_1"], [LATENTS]),
        node("Squeeze", ["previous_4d", "axis_1"], ["previous"]),
    ]
    nodes += [
        node("Gather", [slots_of(spec.name), "slots_to_read"], [spec.name])
        for spec in list_conditioning(card)
        if shape.is_guided or spec.name not in OF_GUIDED_ROWS
    ]
    return nodes


def _make_solver(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """Return x' = a * x + b * x0 + c * x0_before + d * noise, and where it is kept.

    In the order of `Trajectory.advance`, so with the same bits.
    """
    node = helper.make_node
    constants: dict[str, NDArray[Any]] = {
        "axis_1": np.array([1], np.int64),
        "axis_2": np.array([2], np.int64),
        "nothing": np.zeros((), np.float32),
        "one_number": np.array([1], np.int64),
    }
    graph.initializer.extend(numpy_helper.from_array(a, name) for name, a in constants.items())
    terms = zip((_A, _B, _C, _D), (LATENTS, DENOISED, "previous", NOISE), strict=True)
    nodes = []
    for scalar, tensor in terms:
        nodes.append(node("Unsqueeze", [scalar, "axis_2"], [f"{scalar}_3d"]))
        nodes.append(node("Mul", [f"{scalar}_3d", tensor], [f"{scalar}_term"]))
    return [
        *nodes,
        node("Add", [f"{_A}_term", f"{_B}_term"], ["sum_ab"]),
        node("Add", ["sum_ab", f"{_C}_term"], ["sum_abc"]),
        node("Add", ["sum_abc", f"{_D}_term"], ["latents_next"]),
        node("Unsqueeze", ["latents_next", "axis_1"], ["latents_next_4d"]),
        node("Unsqueeze", [DENOISED, "axis_1"], ["denoised_4d"]),
        node("Concat", ["latents_next_4d", "denoised_4d"], ["rows_next"], axis=1),
        # 0 times a value that is not finite is not 0.
        node("Mul", [DENOISED, "nothing"], ["zeros"]),
        node("ReduceSum", ["zeros"], ["sum_of_zeros"], keepdims=0),
        node("Equal", ["sum_of_zeros", "nothing"], ["are_finite"]),
        node("Cast", ["are_finite"], ["finite_number"], to=TensorProto.FLOAT),
        node("Reshape", ["finite_number", "one_number"], [IS_FINITE]),
        node("Where", ["are_finite", "rows_next", "rows_before"], ["rows_kept"]),
        node("ScatterND", [STATE, "slots_to_write", "rows_kept"], [after(STATE)]),
    ]


def _set_inputs(graph: onnx.GraphProto, card: ModelCard, shape: StepShape, slots: int) -> None:
    size = (card.latent_channels, shape.frames)
    del graph.input[:]
    graph.input.append(_value(STATE, TensorProto.FLOAT, (slots, 2, *size)))
    graph.input.append(_value(NUMBERS, TensorProto.FLOAT, (shape.rows, N_NUMBERS)))
    graph.input.append(_value(NOISE, TensorProto.FLOAT, (shape.rows, *size)))
    graph.input.extend(
        _value(slots_of(spec.name), _TYPES[spec.dtype], (slots, *spec.dims))
        for spec in list_conditioning(card)
        if shape.is_guided or spec.name not in OF_GUIDED_ROWS
    )


def _add_empty_negatives(graph: onnx.GraphProto, card: ModelCard) -> None:
    for spec in list_conditioning(card):
        if spec.name in OF_GUIDED_ROWS:
            dtype = np.float32 if spec.dtype == "FP32" else np.int64
            nobody = np.zeros((0, *spec.dims), dtype)
            graph.initializer.append(numpy_helper.from_array(nobody, spec.name))


def make_placing(card: ModelCard, frames: int, slots: int) -> onnx.ModelProto:
    """Return the graph that puts one row into its slot: state and conditioning."""
    node = helper.make_node
    tensors = list_slots(card, frames, slots)
    nodes, inputs, outputs = [], [_value("slot", TensorProto.INT64, (1, 1))], []
    for name, (dtype, dims) in tensors.items():
        nodes.append(node("ScatterND", [name, "slot", f"row_of_{name}"], [after(name)]))
        inputs += [_value(name, dtype, dims), _value(f"row_of_{name}", dtype, (1, *dims[1:]))]
        outputs.append(_value(after(name), dtype, dims))
    return _make_model(nodes, inputs, outputs)


def make_reading(card: ModelCard, frames: int, slots: int) -> onnx.ModelProto:
    """Return the graph that reads the state of one slot."""
    dtype, dims = list_slots(card, frames, slots)[STATE]
    nodes = [helper.make_node("Gather", [STATE, "slot"], ["row"])]
    inputs = [_value("slot", TensorProto.INT64, (1,)), _value(STATE, dtype, dims)]
    return _make_model(nodes, inputs, [_value("row", dtype, (1, *dims[1:]))])


def list_slots(card: ModelCard, frames: int, slots: int) -> dict[str, tuple[int, tuple[int, ...]]]:
    """Return ONNX type and shape of everything that a slot keeps, by name."""
    state = (slots, 2, card.latent_channels, frames)
    kept: dict[str, tuple[int, tuple[int, ...]]] = {STATE: (int(TensorProto.FLOAT), state)}
    for spec in list_conditioning(card):
        kept[slots_of(spec.name)] = (int(_TYPES[spec.dtype]), (slots, *spec.dims))
    return kept


def _make_model(
    nodes: list[onnx.NodeProto], inputs: list[Any], outputs: list[Any]
) -> onnx.ModelProto:
    graph = helper.make_graph(nodes, "slots", inputs, outputs)
    return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 18)])


def _value(name: str, dtype: int, dims: tuple[int, ...]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, dtype, dims)


def numbers_of(
    read: int, write: int, sigma: float, scale: float, scalars: tuple[float, float, float, float]
) -> NDArray[np.float32]:
    """Return one row of `NUMBERS`."""
    return np.array([read, write, sigma, scale, *scalars], np.float32)
