import math

import numpy as np
import pytest

from backends.denoiser.job import Rounding, make_job
from backends.errors import Code, RequestFailed
from tests.backends.fakes import FakeReply, job, request
from tests.cards import FLOW_CARD
from tritone.card import ModelCard
from tritone.tensors import CONDITIONING, GUIDANCE_SCALE, SECONDS_END, SECONDS_START, STEPS


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        (STEPS, 0, "steps must be within 1 and 1000"),
        (STEPS, 1001, "steps must be within 1 and 1000"),
        (GUIDANCE_SCALE, np.nan, "guidance_scale must be finite"),
        (GUIDANCE_SCALE, np.inf, "guidance_scale must be finite"),
        (SECONDS_END, 10.1, "within the model's window"),
        (SECONDS_END, 0.0, "within the model's window"),
        (SECONDS_END, np.nan, "within the model's window"),
        (SECONDS_START, -1.0, "within the model's window"),
        (SECONDS_START, np.nan, "within the model's window"),
    ],
)
def test_a_value_out_of_bounds_is_an_invalid_argument(
    card: ModelCard, field: str, value: float, message: str
) -> None:
    with pytest.raises(RequestFailed, match=message) as failure:
        make_job(card, request(card, **{field: value}), "", FakeReply())
    assert failure.value.code is Code.INVALID_ARG


def test_a_missing_tensor_is_named(card: ModelCard) -> None:
    tensors = request(card)
    del tensors[CONDITIONING]
    with pytest.raises(RequestFailed, match="conditioning is missing"):
        make_job(card, tensors, "", FakeReply())


def test_a_batch_of_sounds_is_refused(card: ModelCard) -> None:
    tensors = request(card)
    tensors[CONDITIONING] = np.repeat(tensors[CONDITIONING], 2, axis=0)
    with pytest.raises(RequestFailed, match="batch size 1, not 2"):
        make_job(card, tensors, "", FakeReply())


def test_conditioning_is_copied_out_of_shared_memory(card: ModelCard) -> None:
    tensors = request(card)
    made = make_job(card, tensors, "", FakeReply())
    tensors[CONDITIONING][:] = 7
    assert (made.conditioning[CONDITIONING] == 1).all()


def test_a_short_sound_denoises_its_bucket_and_delivers_what_the_decoder_needs(
    card: ModelCard,
) -> None:
    made, _ = job(card, seconds_start=1.0, seconds_end=1.2)
    assert made.trajectory.latents.shape == (8, 50)
    assert made.result.shape == (8, 30 + 9 - (25 - 9))


@pytest.mark.parametrize(
    ("seconds", "denoised", "decoded"),
    [((0.0, 0.4), 75, 32), ((0.0, 2.0), 75, 64), ((1.0, 3.2), 100, 84), ((0.0, 9.9), 250, 250)],
)
def test_lengths_that_are_rounded_up_deliver_the_same_samples(
    card: ModelCard, seconds: tuple[float, float], denoised: int, decoded: int
) -> None:
    start, end = seconds
    tensors = request(card, seconds_start=start, seconds_end=end)
    rounding = Rounding(latent_frames=(75, 100, 250), decoded_frames=32)
    rounded = make_job(card, tensors, "", FakeReply(), rounding)
    asked = make_job(card, tensors, "", FakeReply())
    assert rounded.trajectory.latents.shape[1] == denoised
    assert rounded.result.shape[1] == decoded >= asked.result.shape[1]
    # As far as the decoder hears and frames were denoised; zeros behind.
    heard = min(denoised, math.ceil(end * 25) + 9) - rounded.span.first_frame
    assert rounded.result[:, :heard].all()
    assert not rounded.result[:, heard:].any()
    delivered = ("first_frame", "first_sample", "n_samples")
    assert [getattr(rounded.span, each) for each in delivered] == [
        getattr(asked.span, each) for each in delivered
    ]


@pytest.mark.parametrize(
    ("lengths", "heard", "decoded"),
    [((25, 375), 25, 25), ((100, 375), 49, 64), ((30, 375), 30, 30)],
)
def test_a_decoder_that_gets_all_frames_gets_real_ones_as_far_as_it_hears(
    lengths: tuple[int, ...], heard: int, decoded: int
) -> None:
    tensors = request(FLOW_CARD, seconds_end=1.0)
    rounding = Rounding(latent_frames=lengths, decoded_frames=32)
    made = make_job(FLOW_CARD, tensors, "", FakeReply(), rounding)
    assert made.result.shape[1] == decoded
    assert made.result[:, :heard].all()
    assert not made.result[:, heard:].any()
