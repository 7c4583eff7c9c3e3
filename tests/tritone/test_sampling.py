from dataclasses import replace

import numpy as np
import pytest

from tritone.card import ModelCard
from tritone.noise import COUNTER, NOISE_KINDS
from tritone.sampling import Trajectory


def run(card: ModelCard, seed: int, steps: int = 6) -> Trajectory:
    trajectory = Trajectory(card, seed=seed, steps=steps, latent_frames=10)
    while not trajectory.is_done:
        trajectory.advance(np.tanh(trajectory.latents))
    return trajectory


def test_a_seed_repeats_bit_for_bit(open_card: ModelCard) -> None:
    assert np.array_equal(run(open_card, 5).latents, run(open_card, 5).latents)


def test_seeds_differ(open_card: ModelCard) -> None:
    assert not np.allclose(run(open_card, 5).latents, run(open_card, 6).latents, atol=1e-3)


@pytest.mark.parametrize("step", [0, 3])
def test_a_longer_bucket_does_not_change_the_noise_of_its_first_frames(
    open_card: ModelCard, step: int
) -> None:
    card = replace(open_card, noise=COUNTER)
    short, long = (Trajectory(card, seed=5, steps=6, latent_frames=n) for n in (10, 64))
    np.testing.assert_array_equal(long.latents[:, :10], short.latents)
    noises = short.draw_noise(step), long.draw_noise(step)
    assert noises[0] is not None
    assert noises[1] is not None
    np.testing.assert_array_equal(noises[1][:, :10], noises[0])


def test_what_a_seed_means_is_a_fact_of_the_card(open_card: ModelCard) -> None:
    one, other = (run(replace(open_card, noise=noise), 5).latents for noise in NOISE_KINDS)
    assert not np.allclose(one, other, atol=1e-3)


def test_latents_stay_float32(open_card: ModelCard) -> None:
    assert run(open_card, 5).latents.dtype == np.float32


def test_a_trajectory_takes_as_many_steps_as_asked(flow_card: ModelCard) -> None:
    trajectory = Trajectory(flow_card, seed=0, steps=3, latent_frames=10)
    seen = []
    while not trajectory.is_done:
        seen.append(trajectory.sigma)
        trajectory.advance(trajectory.latents)
    assert len(seen) == 3
    assert seen == sorted(seen, reverse=True)


@pytest.mark.parametrize(
    ("lowest", "highest", "guided"),
    [(0.0, None, [0, 1, 2, 3, 4, 5]), (2.0, 60.0, [2, 3]), (2.0, None, [0, 1, 2, 3])],
)
def test_a_step_is_guided_at_the_models_noise_levels(
    open_card: ModelCard, lowest: float, highest: float | None, guided: list[int]
) -> None:
    levels = replace(open_card.schedule, guidance_min_sigma=lowest, guidance_max_sigma=highest)
    trajectory = Trajectory(replace(open_card, schedule=levels), seed=0, steps=6, latent_frames=10)
    seen = []
    while not trajectory.is_done:
        assert trajectory.count_guided_left(7.0) == sum(step >= trajectory.step for step in guided)
        if trajectory.guidance_scale(7.0) == 7.0:
            seen.append(trajectory.step)
        else:
            assert trajectory.guidance_scale(7.0) == 1.0
        trajectory.advance(trajectory.latents)
    assert seen == guided


def test_without_guidance_no_step_is_guided(open_card: ModelCard) -> None:
    trajectory = Trajectory(open_card, seed=0, steps=6, latent_frames=10)
    assert trajectory.count_guided_left(1.0) == 0
