"""In the denoiser's process, rows without guidance cost half and keep what they carry."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from backends.denoiser.predict.onnx import OnnxTransformer
from backends.tensors import Tensors
from tests.cards import GUIDED_SONG_CARD
from tritone.tensors import (
    CONDITIONING,
    CONDITIONING_MASK,
    DENOISED,
    GUIDANCE_SCALE,
    LATENTS,
    MOMENTUM,
    SIGMA,
    TensorSpec,
    name_handed_on,
    transformer,
)

FRAMES = 6


def value_of(spec: TensorSpec) -> onnx.ValueInfoProto:
    rows = "guided" if spec.name in {MOMENTUM, name_handed_on(MOMENTUM)} else "batch"
    dims = [rows, *(spec.counts if dim < 0 else dim for dim in spec.dims)]
    kind = TensorProto.INT64 if spec.dtype == "INT64" else TensorProto.FLOAT
    return helper.make_tensor_value_info(spec.name, kind, dims)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A transformer that doubles latents, and triples the momentum of its guided rows."""
    io = transformer(GUIDED_SONG_CARD)
    nodes = [
        helper.make_node("Add", [LATENTS, LATENTS], [DENOISED]),
        helper.make_node("Sum", [MOMENTUM] * 3, [name_handed_on(MOMENTUM)]),
    ]
    graph = helper.make_graph(
        nodes, "step", [value_of(each) for each in io.inputs], [value_of(e) for e in io.outputs]
    )
    folder = tmp_path / "base_transformer" / "1"
    folder.mkdir(parents=True)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, str(folder / "model.onnx"))
    return folder


@pytest.mark.parametrize(
    ("scales", "factors"),
    [([7.0, 1.0, 3.0, 0.0], [3, 1, 3, 1]), ([1.0, 7.0], [1, 3]), ([1.0], [1]), ([2.0], [3])],
)
def test_only_guided_rows_get_a_momentum_and_each_its_own_back(
    folder: Path, scales: list[float], factors: list[int]
) -> None:
    rows = len(scales)
    shape = (rows, GUIDED_SONG_CARD.latent_channels, FRAMES)
    drawn = np.random.default_rng(0).standard_normal((2, *shape), np.float32)
    inputs: Tensors = {
        LATENTS: drawn[0],
        MOMENTUM: drawn[1],
        SIGMA: np.ones((rows, 1), np.float32),
        GUIDANCE_SCALE: np.array(scales, np.float32)[:, np.newaxis],
        CONDITIONING: np.ones((rows, 3, GUIDED_SONG_CARD.conditioning_dim), np.float32),
        CONDITIONING_MASK: np.ones((rows, 3), np.int64),
    }
    denoised = OnnxTransformer(folder, GUIDED_SONG_CARD, threads=1)(inputs)
    np.testing.assert_array_equal(denoised, 2 * drawn[0])
    expected = drawn[1] * np.array(factors, np.float32)[:, np.newaxis, np.newaxis]
    np.testing.assert_allclose(inputs[MOMENTUM], expected, rtol=1e-6)
