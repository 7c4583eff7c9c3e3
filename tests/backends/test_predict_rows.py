from dataclasses import replace

import numpy as np
import pytest

from backends.denoiser.job import Job, Tensors
from backends.denoiser.predict.rows import predict_rows
from backends.errors import Code, RequestFailed
from tests.backends.fakes import halve, job
from tritone.card import ModelCard
from tritone.sampling import Latents
from tritone.tensors import GUIDANCE_SCALE, LATENTS

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
