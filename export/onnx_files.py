"""From a PyTorch module to a clean ONNX file, and from there to a session.

Knows graphs and tensors, no families. Files are the same, byte for byte, at every export.
"""

from pathlib import Path

import numpy as np
import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch.export import Dim

from export.bf16 import widen_lacking
from export.errors import ExportError
from export.graphs import Graph
from export.precision import QUANTIZED, Precision
from export.probes import Arrays, Probe
from export.quiet import quiet
from export.sessions import data_file
from tritone import tensors
from tritone.card import ModelCard
from tritone.tensors import ModelIO, TensorSpec

OPSET = 18
FUSED_OPSET = 23
"""Has attention as one operator: for GPUs. It needs TensorRT 10.14, and gave nothing on CPUs."""

BF16_OPSET = 22
"""The first whose convolutions, sines and cosines may be of bf16."""

MAX_INLINE_BYTES = 1_500_000_000  # protobuf ends at 2 GB; the graph itself needs room too
_EXAMPLE_BATCH, _EXAMPLE_GUIDED = 3, 2  # unlike, so that they stay two dimensions
MAX_BATCH = 64  # what the graph allows; how many rows a model gets is said in config.pbtxt


def write_onnx(
    graph: Graph,
    card: ModelCard,
    path: Path,
    *,
    external_data: bool | None = None,
    opset: int = OPSET,
) -> None:
    """Export the graph's module to `path`, its weights inside or in `path`.data.

    `external_data` says where the weights go; None: into a file of their own only when they must.

    Raises:
        ExportError: torch cannot export the module, or froze a dimension that must be dynamic.
    """
    with quiet() as said, torch.no_grad():
        try:
            program: torch.onnx.ONNXProgram = torch.onnx.export(  # type: ignore[assignment]
                graph.module.eval(),
                tuple(map(torch.from_numpy, _example(graph, card).values())),
                input_names=[spec.name for spec in graph.io.inputs],
                output_names=[spec.name for spec in graph.io.outputs],
                dynamic_shapes=_dynamic_shapes(graph, card),
                opset_version=opset,
                dynamo=True,
                verbose=False,
            )
            if external_data is None:
                external_data = _weight_bytes(program) > MAX_INLINE_BYTES
            program.save(str(path), external_data=external_data)
            _forget_weights(program)
        except OSError:
            raise
        except Exception as error:
            raise ExportError(
                f"torch could not export the {graph.component}: {type(error).__name__}",
                detail=f"{said.getvalue()}\n{error}",
            ) from error
    _clean(path, inline=not external_data)
    check_dynamic(path, graph.io)


def choose_opset(precision: Precision, *, fuses_attention: bool = False) -> int:
    """Return the version of ONNX's operators that an export uses."""
    if fuses_attention:
        return FUSED_OPSET
    return BF16_OPSET if precision == "bf16" else OPSET


def finish(path: Path, component: str, precision: Precision) -> None:
    """Make of a file what it is to be in its precision, as far as PyTorch could not."""
    if precision == "int8" and component in QUANTIZED:
        quantize(path)
    if precision == "bf16" and component == "transformer":
        widen_lacking(path)


def check_dynamic(path: Path, model_io: ModelIO) -> None:
    """Check that every batch and every -1 of the card is still dynamic in the file.

    torch.export may freeze a dimension at the example's size and report success.

    Raises:
        ExportError: one is not, or the file's inputs and outputs are not the card's.
    """
    graph = onnx.load(str(path), load_external_data=False).graph
    for specs, values in ((model_io.inputs, graph.input), (model_io.outputs, graph.output)):
        found = {value.name: value.type.tensor_type.shape.dim for value in values}
        for spec in specs:
            if spec.name not in found:
                raise ExportError(f"{path.name} has no tensor {spec.name!r}")
            frozen = _find_frozen(spec, found[spec.name])
            if frozen:
                raise ExportError(
                    f"dimension {frozen[0]} of {spec.name!r} froze at {frozen[1]} during the export"
                )


def quantize(path: Path) -> None:
    """Replace a file by its int8 self: weights quantised now, activations at run time."""
    quantized = path.with_suffix(".int8.onnx")
    with quiet():
        quantize_dynamic(
            path,
            quantized,
            weight_type=QuantType.QInt8,
            per_channel=True,
            # Processors without VNNI add two products in 16 bits, which full 8-bit weights overflow
            # (onnxruntime.ai/docs, "Quantize ONNX models", read 2026-11-21).
            reduce_range=True,
            op_types_to_quantize=["MatMul", "Gemm"],
        )
    data_file(path).unlink(missing_ok=True)
    quantized.replace(path)
    _clean(path, inline=True)


def _example(graph: Graph, card: ModelCard) -> Arrays:
    # Several rows and frames: torch.export treats sizes 0 and 1 as constants.
    frames = max(2, min(16, card.max_frames))
    probe = Probe(card, _EXAMPLE_BATCH, frames, np.random.default_rng(0), guided=_EXAMPLE_GUIDED)
    return probe.inputs(graph.io)


def _dynamic_shapes(graph: Graph, card: ModelCard) -> tuple[dict[int, object], ...]:
    batch, guided = (Dim(name, min=1, max=MAX_BATCH) for name in ("batch", "guided"))
    is_transformer = graph.component == "transformer"
    counted = {
        spec.counts: _make_dimension(spec.counts, graph, card)
        for spec in graph.io.inputs
        if min(spec.dims) < 0
    }

    def rows(spec: TensorSpec) -> Dim:
        return guided if is_transformer and spec.name in tensors.OF_GUIDED_ROWS else batch

    return tuple(
        {0: rows(spec), **{1 + i: counted[spec.counts] for i, d in enumerate(spec.dims) if d < 0}}
        for spec in graph.io.inputs
    )


def _make_dimension(counts: str, graph: Graph, card: ModelCard) -> object:
    most = {
        "frames": card.max_frames,
        "lyrics": card.lyric_tokens,
        "tokens": card.lyric_tokens + 1 + card.text_tokens,
        "codes": card.max_codes,
        "source": card.max_codes * card.frames_per_code,
    }[counts]
    each = graph.frame_multiple if counts == "frames" else 1
    if each == 1:
        return Dim(counts, min=2, max=most)
    return each * Dim(f"{counts}_by_{each}", min=1, max=most // each)


def _weight_bytes(program: torch.onnx.ONNXProgram) -> int:
    weights = program.model.graph.initializers.values()
    return sum(weight.const_value.nbytes for weight in weights if weight.const_value is not None)


def _forget_weights(program: torch.onnx.ONNXProgram) -> None:
    # The exporter folds transposed copies of weights, and onnxscript's pattern matchers, which are
    # globals, keep the last graph that they have seen: it would hold them for ever.
    for weight in program.model.graph.initializers.values():
        weight.const_value = None


def _clean(path: Path, *, inline: bool) -> None:
    # Metadata holds stack traces with the build machine's paths; value_info is stale after the
    # exporter's optimiser and makes quantize_dynamic fail.
    model = onnx.load(str(path), load_external_data=inline)
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
    del graph.value_info[:]
    for function in model.functions:
        for part in (function, *function.node):
            del part.metadata_props[:]
        del function.value_info[:]
    onnx.save(model, str(path))


def _find_frozen(spec: TensorSpec, dims: object) -> tuple[int, int] | None:
    expected = (-1, *spec.dims)
    for position, (want, dim) in enumerate(zip(expected, dims, strict=True)):  # type: ignore[call-overload]
        if want < 0 and not dim.dim_param:
            return position, dim.dim_value
    return None
