"""Lengths to decode, rounded up so that a GPU meets few: the samples that are delivered stay."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from backends.denoiser import model
from backends.denoiser.device.session import Device
from backends.denoiser.job import Rounding
from backends.denoiser.predict import choose
from backends.denoiser.predict.rows import Predictors
from backends.onnxruntime.session import open_session
from tests.backends.fake_pb_utils import Request, Sender, TritonModelException
from tests.backends.fakes import halve, request
from tests.cards import STARTER_LIKE
from tritone.card import CARD_PARAMETER, read_card
from tritone.lengths import find_decode_bucket, list_step_lengths
from tritone.spans import Span, find_span
from tritone.tensors import LATENTS

REPOSITORY = Path(__file__).parents[4] / "model_repository"
DECODER = REPOSITORY / "starter_vae_decoder" / "1" / "model.onnx"
TIMEOUT_S = 10.0
WHOLE_WINDOW = replace(STARTER_LIKE, frame_bucket=STARTER_LIKE.max_frames)


def make_arguments(**more: str) -> dict[str, str]:
    card = {CARD_PARAMETER: WHOLE_WINDOW.to_json()}
    given = {**card, "step_batch": "1", "max_pending": "4", **more}
    parameters = {key: {"string_value": value} for key, value in given.items()}
    config = {"name": "a_denoiser", "parameters": parameters}
    return {"model_config": json.dumps(config), "model_version": "1"}


@pytest.mark.skipif(not DECODER.is_file(), reason="no model is published")
def test_more_frames_leave_the_samples_of_a_sound_as_they_are() -> None:
    card = read_card((REPOSITORY / "starter" / "config.pbtxt").read_text())
    assert card is not None
    card = replace(card, frame_bucket=card.max_frames)  # all of it is denoised, little is decoded
    session = open_session(DECODER, threads=1, device=Device().name)
    latents = np.random.default_rng(0).standard_normal(
        (1, card.latent_channels, card.max_frames), np.float32
    )

    def deliver(asked: Span) -> NDArray[np.int64]:
        frames = 0.3 * latents[:, :, asked.first_frame : asked.last_frame]
        (pcm,) = session.run(None, {LATENTS: frames})
        delivered = slice(asked.first_sample, asked.first_sample + asked.n_samples)
        return np.asarray(pcm[0, :, delivered], np.int64)

    exact, rounded = (
        Rounding(list_step_lengths(card), bucket).round_up(find_span(card, 0.0, 2.0))
        for bucket in (1, find_decode_bucket(card))
    )
    assert rounded.last_frame > exact.last_frame
    expected = deliver(exact)
    assert np.abs(expected).max() > 500
    assert np.abs(deliver(rounded) - expected).max() <= 1  # of 32767: sums in another order


@pytest.mark.parametrize(
    ("gpu", "parameters", "frames"),
    [(False, {}, 34), (True, {}, 64), (False, {"decode_bucket": "60"}, 60)],
)
def test_they_are_rounded_where_jobs_stay_on_the_host_of_a_gpu(
    monkeypatch: pytest.MonkeyPatch, gpu: bool, parameters: dict[str, str], frames: int
) -> None:
    monkeypatch.setattr(choose, "has_gpu", lambda: gpu)
    monkeypatch.setattr(model, "choose_predictors", lambda *_: Predictors(1, halve, halve))
    denoiser, sender = model.TritonPythonModel(), Sender()
    denoiser.initialize(make_arguments(**parameters))
    # All of the window is denoised for it, as far as a decoder hears is decoded.
    denoiser.execute([Request(request(WHOLE_WINDOW, seconds_end=1.0), sender=sender)])  # type: ignore[list-item]
    assert sender.is_answered.wait(TIMEOUT_S)
    denoiser.finalize()

    (found,) = [t for t in sender.responses[0].output_tensors() if t.name() == LATENTS]
    assert found.as_numpy().shape == (1, WHOLE_WINDOW.latent_channels, frames)


def test_a_bucket_without_a_meaning_keeps_the_model_from_loading(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(model, "choose_predictors", lambda *_: Predictors(1, halve, halve))
    with pytest.raises(TritonModelException, match="decode_bucket"):
        model.TritonPythonModel().initialize(make_arguments(decode_bucket="many"))
