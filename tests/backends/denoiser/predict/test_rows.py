from dataclasses import replace

import numpy as np
import pytest

from backends.denoiser.job import Job, make_job
from backends.denoiser.predict.rows import predict_rows
from backends.errors import Code, RequestFailed
from backends.tensors import Tensors
from tests.backends.fakes import FakeReply, halve, job, request
from tests.cards import CODE_CARD, FLOW_CARD, GUIDED_SONG_CARD
from tritone.card import ModelCard
from tritone.sampling import Latents
from tritone.tensors import (
    BLENDED_MASK,
    CONDITIONING,
    CONDITIONING_MASK,
    GUIDANCE_SCALE,
    LATENTS,
    MOMENTUM,
    SOURCE,
    STRENGTH,
)

POISON = 13.0


@pytest.fixture
def jobs(card: ModelCard) -> list[Job]:
    return [job(card, seed=seed)[0] for seed in range(3)]


def test_every_job_gets_its_own_row(jobs: list[Job]) -> None:
    rows = predict_rows(halve, jobs)
    for made, row in zip(jobs, rows, strict=True):
        assert isinstance(row, np.ndarray)
        (alone,) = predict_rows(halve, [made])
        assert isinstance(alone, np.ndarray)
        np.testing.assert_array_equal(row, alone)


def test_a_failing_batch_is_computed_row_by_row(jobs: list[Job]) -> None:
    jobs[1].guidance_scale = POISON

    def predict(inputs: Tensors) -> Latents:
        if (inputs[GUIDANCE_SCALE] == POISON).any():
            raise RequestFailed("transformer: poisoned", Code.UNAVAILABLE)
        return halve(inputs)

    first, second, third = predict_rows(predict, jobs)
    assert isinstance(first, np.ndarray)
    assert isinstance(second, RequestFailed)
    assert second.code is Code.UNAVAILABLE
    assert isinstance(third, np.ndarray)


def test_one_row_that_spoils_all_others_fails_alone(jobs: list[Job]) -> None:
    jobs[0].guidance_scale = POISON

    def predict(inputs: Tensors) -> Latents:
        is_poisoned = (inputs[GUIDANCE_SCALE] == POISON).any()
        return np.full_like(inputs[LATENTS], np.nan) if is_poisoned else halve(inputs)

    first, *others = predict_rows(predict, jobs)
    assert isinstance(first, RequestFailed)
    assert "not finite" in str(first)
    assert all(isinstance(other, np.ndarray) for other in others)


def test_an_answer_of_another_shape_is_refused(jobs: list[Job]) -> None:
    (row,) = predict_rows(lambda inputs: inputs[LATENTS][:, :, :-1], jobs[:1])
    assert isinstance(row, RequestFailed)
    assert row.code is Code.INTERNAL


def test_a_step_outside_the_models_noise_levels_is_not_guided(card: ModelCard) -> None:
    levels = replace(card.schedule, guidance_min_sigma=card.schedule.sigma_max / 2)
    made, _ = job(replace(card, schedule=levels), guidance_scale=7.0)
    scales = []

    def predict(inputs: Tensors) -> Latents:
        scales.append(inputs[GUIDANCE_SCALE].item())
        return halve(inputs)

    while not made.trajectory.is_done:
        (row,) = predict_rows(predict, [made])
        assert isinstance(row, np.ndarray)
        made.trajectory.advance(row)
    assert scales == [7.0, 1.0, 1.0, 1.0]


def make_song(seed: int, card: ModelCard = GUIDED_SONG_CARD, strength: float = 1.0) -> Job:
    given = {
        **request(FLOW_CARD, seed=seed, guidance_scale=7.0),
        CONDITIONING: np.full((1, 3, card.conditioning_dim), seed, np.float32),
        CONDITIONING_MASK: np.ones((1, 3), np.int64),
        BLENDED_MASK: np.zeros((1, 3), np.int64),
        SOURCE: np.zeros((1, 5, card.latent_channels), np.float32),
        STRENGTH: np.array([[strength]], np.float32),
    }
    return make_job(card, given, "song", FakeReply())


def push(inputs: Tensors) -> Latents:
    """Denoise with the momentum of the steps before, and add to it."""
    inputs[MOMENTUM] = inputs[LATENTS] - 0.75 * inputs[MOMENTUM]
    return halve(inputs) + inputs[MOMENTUM]


def advance(jobs: list[Job]) -> None:
    for made, row in zip(jobs, predict_rows(push, jobs), strict=True):
        assert isinstance(row, np.ndarray)
        made.trajectory.advance(row)


def test_each_job_keeps_a_momentum_of_its_own_whoever_shares_its_steps() -> None:
    together, alone = [make_song(seed) for seed in (1, 2, 3)], [make_song(seed) for seed in (1, 2)]
    advance(together[:1])
    advance(together[:2])
    advance(together[1:])
    advance(together[::-1])
    for steps, made in zip((3, 3), alone, strict=True):
        for _ in range(steps):
            advance([made])
    for one, other in zip(together, alone, strict=False):
        np.testing.assert_array_equal(one.trajectory.latents, other.trajectory.latents)
        carried, expected = one.trajectory.carried, other.trajectory.carried
        np.testing.assert_array_equal(carried[MOMENTUM], expected[MOMENTUM])
        assert np.abs(carried[MOMENTUM]).max() > 0


def test_a_step_that_failed_leaves_no_momentum() -> None:
    jobs = [make_song(1), make_song(2)]
    jobs[0].guidance_scale = POISON

    def predict(inputs: Tensors) -> Latents:
        answer = push(inputs)
        is_poisoned = (inputs[GUIDANCE_SCALE] == POISON).any()
        return np.full_like(answer, np.nan) if is_poisoned else answer

    first, second = predict_rows(predict, jobs)
    assert isinstance(first, RequestFailed)
    assert isinstance(second, np.ndarray)
    assert not jobs[0].trajectory.carried[MOMENTUM].any()
    np.testing.assert_array_equal(jobs[1].trajectory.carried[MOMENTUM], jobs[1].trajectory.latents)


def test_a_job_at_half_strength_is_blended_with_an_unguided_prediction_of_its_other_text() -> None:
    card = replace(CODE_CARD, guidance=True)
    jobs = [make_song(seed, card, strength=0.5) for seed in (1, 2)]
    asked: list[tuple[bool, list[float]]] = []

    def predict(inputs: Tensors) -> Latents:
        is_other = not inputs[CONDITIONING_MASK].any()
        asked.append((is_other, inputs[GUIDANCE_SCALE].ravel().tolist()))
        return np.full_like(inputs[LATENTS], 2.0 if is_other else 4.0)

    for row in predict_rows(predict, jobs):
        assert isinstance(row, np.ndarray)
        assert (row == 3.0).all()
    assert asked == [(False, [7.0, 7.0]), (True, [1.0, 1.0])]


def test_jobs_that_take_two_predictions_share_no_step_with_those_that_take_one() -> None:
    full, half = (make_song(1, CODE_CARD, strength) for strength in (1.0, 0.5))
    assert full.shape != half.shape
    assert half.shape == make_song(2, CODE_CARD, 0.25).shape


@pytest.mark.parametrize("strength", [-0.1, 1.5, float("nan")])
def test_a_strength_outside_its_bounds_is_refused(strength: float) -> None:
    with pytest.raises(RequestFailed, match="strength must be within 0 and 1"):
        make_song(1, CODE_CARD, strength)
