import numpy as np

from tritone.card import ModelCard
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
