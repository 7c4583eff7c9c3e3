"""Lengths to decode, rounded up so that a GPU meets few: the samples that are delivered stay."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from backends.denoiser import model
from backends.denoiser.device.session import Device
from backends.denoiser.job import Job, Rounding, make_job
from backends.denoiser.predict import choose
from backends.denoiser.predict.rows import Predictors
from backends.onnxruntime.session import open_session
from tests.backends.fake_pb_utils import Request, Sender, TritonModelException
from tests.backends.fakes import FakeReply, halve, request
from tests.cards import STARTER_LIKE
from tritone.card import CARD_PARAMETER, read_card
from tritone.lengths import find_decode_bucket, list_step_lengths
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
@pytest.mark.parametrize(("amplitude", "behind"), [(0.3, 0.3), (0.3, 60.0), (5.0, 5.0)])
@pytest.mark.parametrize("seconds", [(0.0, 2.0), (1.0, 2.0), (0.0, 10.0)])
def test_more_frames_leave_the_samples_of_a_sound_as_they_are(
    seconds: tuple[float, float], amplitude: float, behind: float
) -> None:
    """However loud those behind are: the decoder turns what it gets down to full scale."""
    card = read_card((REPOSITORY / "starter" / "config.pbtxt").read_text())
    assert card is not None
    card = replace(card, frame_bucket=card.max_frames)  # all of it is denoised, little is decoded
    session = open_session(DECODER, threads=1, device=Device().name)
    start, end = seconds
    asked = request(card, seconds_start=start, seconds_end=end)
    exact, rounded = (
        make_job(card, asked, "", FakeReply(), Rounding(list_step_lengths(card), bucket))
        for bucket in (1, find_decode_bucket(card))
    )
    latents = np.random.default_rng(0).standard_normal(exact.trajectory.latents.shape, np.float32)
    latents[:, : exact.span.last_frame] *= amplitude
    latents[:, exact.span.last_frame :] *= behind

    def deliver(job: Job) -> NDArray[np.int64]:
        job.trajectory.latents = latents
        (pcm,) = session.run(None, {LATENTS: job.result[np.newaxis]})
        begin = job.span.first_sample
        return np.asarray(pcm[0, :, begin : begin + job.span.n_samples], np.int64)

    assert rounded.result.shape[1] > exact.result.shape[1] or end == card.window_seconds
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
