"""The in-process side of the `Predict` seam, on the transformer that is bundled."""

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from backends.denoiser.predict.onnx import OnnxTransformer
from backends.errors import RequestFailed
from backends.onnxruntime.session import InvalidModel, open_session
from backends.tensors import Tensors
from tritone.card import ModelCard, read_card
from tritone.sampling import Latents
from tritone.tensors import (
    DENOISED,
    GUIDANCE_SCALE,
    LATENTS,
    NEGATIVE_CONDITIONING,
    transformer,
)

REPOSITORY = Path(__file__).parents[4] / "model_repository"
FOLDER = REPOSITORY / "starter_transformer" / "1"

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="no model is published")


@pytest.fixture(scope="module")
def starter() -> ModelCard:
    card = read_card((REPOSITORY / "starter" / "config.pbtxt").read_text())
    assert card is not None
    return card


def inputs(card: ModelCard, frames: int = 50) -> Tensors:
    random = np.random.default_rng(frames)
    return {
        spec.name: random.random([1, *(frames if d < 0 else d for d in spec.dims)], np.float32)
        for spec in transformer(card).inputs
    }


@pytest.fixture(scope="module")
def one_thread(starter: ModelCard) -> OnnxTransformer:
    return OnnxTransformer(FOLDER, starter, threads=1)


@pytest.mark.parametrize("frames", [25, 50, 125])
def test_the_number_of_threads_changes_no_bit(
    starter: ModelCard, one_thread: OnnxTransformer, frames: int
) -> None:
    given = inputs(starter, frames)
    expected = open_session(FOLDER / "model.onnx", threads=2).run([DENOISED], given)[0]
    np.testing.assert_array_equal(one_thread(given), expected)


@pytest.mark.parametrize("scales", [[1.0], [1.0, 3.0, 0.5], [2.0, 1.0], [3.0, 2.0]])
def test_a_row_that_is_not_guided_is_computed_alone(
    starter: ModelCard, one_thread: OnnxTransformer, scales: list[float]
) -> None:
    rows = [inputs(starter, 50) for _ in scales]
    given = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    given[LATENTS] *= np.arange(1, len(scales) + 1, dtype=np.float32)[:, None, None]
    given[GUIDANCE_SCALE] = np.array(scales, np.float32)[:, None]
    session = open_session(FOLDER / "model.onnx", threads=1)
    expected = session.run([DENOISED], given)[0]
    np.testing.assert_allclose(one_thread(given), expected, rtol=1e-3, atol=1e-4)
    if max(scales) <= 1.0:
        of_none = {NEGATIVE_CONDITIONING: given[NEGATIVE_CONDITIONING][:0]}
        np.testing.assert_array_equal(
            one_thread(given), session.run([DENOISED], {**given, **of_none})[0]
        )


def test_a_network_that_wants_one_batch_of_all_inputs_gets_it(
    starter: ModelCard, tmp_path: Path
) -> None:
    network = onnx.load(FOLDER / "model.onnx")
    for each in network.graph.input:  # as the exporter wrote it once
        each.type.tensor_type.shape.dim[0].dim_param = "batch"
    folder = tmp_path / "starter_transformer" / "1"
    folder.mkdir(parents=True)
    onnx.save(network, folder / "model.onnx")
    given = inputs(starter) | {GUIDANCE_SCALE: np.ones((1, 1), np.float32)}
    expected = open_session(folder / "model.onnx", threads=1).run([DENOISED], given)[0]
    old = OnnxTransformer(folder, starter, threads=1)
    np.testing.assert_array_equal(old(given), expected)


def test_lanes_may_call_it_at_once(starter: ModelCard, one_thread: OnnxTransformer) -> None:
    given = [inputs(starter, frames) for frames in (25, 50)]
    expected = [one_thread(each) for each in given]
    made: list[list[Latents]] = [[], []]

    def lane(i: int) -> None:
        made[i] = [one_thread(given[i]) for _ in range(5)]

    lanes = [threading.Thread(target=lane, args=(i,)) for i in range(2)]
    for each in lanes:
        each.start()
    for each in lanes:
        each.join()
    for i in range(2):
        assert len(made[i]) == 5
        assert all(np.array_equal(one, expected[i]) for one in made[i])


def test_inputs_that_do_not_fit_are_an_error_of_the_request(
    starter: ModelCard, one_thread: OnnxTransformer
) -> None:
    given = inputs(starter)
    with pytest.raises(RequestFailed, match="onnx runtime error"):
        one_thread({**given, LATENTS: given[LATENTS][:, :1]})


def test_a_network_that_does_not_fit_the_card_is_refused(starter: ModelCard) -> None:
    with pytest.raises(InvalidModel, match="latents"):
        OnnxTransformer(FOLDER, replace(starter, latent_channels=7), threads=1)


def test_a_missing_network_is_named(starter: ModelCard, tmp_path: Path) -> None:
    with pytest.raises(InvalidModel, match="unable to find"):
        OnnxTransformer(tmp_path / "starter_transformer" / "1", starter, threads=1)
