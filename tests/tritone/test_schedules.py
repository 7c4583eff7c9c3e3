"""The solver tables against diffusers' own schedulers: 1e-5 relative, the stated tolerance."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from tritone.card import ModelCard, ScheduleSettings
from tritone.noise import draw_gaussian
from tritone.sampling import Trajectory
from tritone.schedules import SCHEDULES, Schedule, cosine_dpm, make_schedule, rectified_flow

RELATIVE_TOLERANCE = 1e-5
FRAMES = 50


def denoise(latents: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Stand in for a transformer: nonlinear, so an error in one step shows in all later ones."""
    x = latents / np.float32(1.0 + sigma)
    denoised: NDArray[np.float32] = np.tanh(x) + np.float32(0.1) * np.sin(3 * x)
    return denoised


def relative_error(got: NDArray[np.float32], want: NDArray[np.float32]) -> float:
    return float(np.linalg.norm(got - want) / np.linalg.norm(want))


def trajectory(card: ModelCard, steps: int) -> Trajectory:
    return Trajectory(card, seed=7, steps=steps, latent_frames=FRAMES)


@pytest.mark.export
@pytest.mark.parametrize("steps", [2, 4, 10, 14, 15, 50, 100])
def test_cosine_dpm_follows_diffusers(open_card: ModelCard, steps: int) -> None:
    torch = pytest.importorskip("torch")
    from diffusers import CosineDPMSolverMultistepScheduler

    ours = trajectory(open_card, steps)
    theirs = CosineDPMSolverMultistepScheduler(sigma_min=0.3, sigma_max=500.0, sigma_data=1.0)
    theirs.set_timesteps(steps)
    shape = open_card.latent_channels, FRAMES
    drawn = [draw_gaussian(ours.noise, 7, stream, shape) for stream in range(steps + 1)]
    latents = torch.from_numpy(drawn[0])[None] * theirs.init_noise_sigma
    noises = iter(drawn[1:])
    theirs.noise_sampler = lambda *_: torch.from_numpy(next(noises))[None]
    for i, timestep in enumerate(theirs.timesteps):
        sigma = float(theirs.sigmas[i])
        x0 = torch.from_numpy(denoise(latents[0].numpy(), sigma))[None]
        # the scheduler wants the network's output: invert x0 = c_skip x + c_out v for sigma_data 1
        v = -(x0 - latents / (sigma**2 + 1)) * (sigma**2 + 1) ** 0.5 / sigma
        latents = theirs.step(v, timestep, latents).prev_sample
        ours.advance(denoise(ours.latents, ours.sigma))
    assert ours.is_done
    assert relative_error(ours.latents, latents[0].numpy()) <= RELATIVE_TOLERANCE


@pytest.mark.export
@pytest.mark.parametrize("steps", [5, 20, 60])
def test_the_ode_solver_follows_diffusers(open_card: ModelCard, steps: int) -> None:
    torch = pytest.importorskip("torch")
    from diffusers import EDMDPMSolverMultistepScheduler

    settings = ScheduleSettings(sigma_min=0.03, sigma_max=80.0, eta=0.0)
    ours = trajectory(replace(open_card, schedule=settings), steps)
    theirs = EDMDPMSolverMultistepScheduler(
        sigma_min=0.03,
        sigma_max=80.0,
        sigma_data=1.0,
        sigma_schedule="exponential",
        algorithm_type="dpmsolver++",
        prediction_type="v_prediction",
        final_sigmas_type="zero",
    )
    theirs.set_timesteps(steps)
    latents = torch.from_numpy(ours.latents.copy())[None]
    for i, timestep in enumerate(theirs.timesteps):
        sigma = float(theirs.sigmas[i])
        x0 = torch.from_numpy(denoise(latents[0].numpy(), sigma))[None]
        v = (latents / (sigma**2 + 1) - x0) * (sigma**2 + 1) ** 0.5 / sigma
        latents = theirs.step(v, timestep, latents).prev_sample
        ours.advance(denoise(ours.latents, ours.sigma))
    assert relative_error(ours.latents, latents[0].numpy()) <= RELATIVE_TOLERANCE


@pytest.mark.export
@pytest.mark.parametrize("stochastic", [True, False], ids=["ping-pong", "euler"])
@pytest.mark.parametrize("steps", [1, 8, 100])
def test_rectified_flow_follows_diffusers(
    flow_card: ModelCard, steps: int, stochastic: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    from diffusers import FlowMatchEulerDiscreteScheduler
    from diffusers.pipelines.stable_audio_3.pipeline_stable_audio_3 import logsnr_sigma_schedule
    from diffusers.schedulers import scheduling_flow_match_euler_discrete as module

    card = replace(flow_card, schedule=ScheduleSettings(stochastic=stochastic))
    ours = trajectory(card, steps)
    theirs = FlowMatchEulerDiscreteScheduler(
        num_train_timesteps=1, shift=1.0, stochastic_sampling=stochastic
    )
    theirs.set_timesteps(sigmas=logsnr_sigma_schedule(steps, -6.2, 2.0))
    shape = flow_card.latent_channels, FRAMES
    noises = iter([draw_gaussian(ours.noise, 7, 1 + i, shape) for i in range(steps)])
    monkeypatch.setattr(
        module, "randn_tensor", lambda *_, **__: torch.from_numpy(next(noises))[None]
    )
    latents = torch.from_numpy(ours.latents.copy())[None]
    for i, timestep in enumerate(theirs.timesteps):
        sigma = float(theirs.sigmas[i])
        x0 = torch.from_numpy(denoise(latents[0].numpy(), sigma))[None]
        latents = theirs.step((latents - x0) / sigma, timestep, latents).prev_sample
        ours.advance(denoise(ours.latents, ours.sigma))
    assert relative_error(ours.latents, latents[0].numpy()) <= RELATIVE_TOLERANCE


@pytest.mark.parametrize("build", SCHEDULES.values(), ids=SCHEDULES.keys())
@pytest.mark.parametrize("steps", [1, 2, 1000])
def test_every_schedule_descends_to_zero_and_ends_denoised(
    build: Callable[[int, ScheduleSettings], Schedule], steps: int
) -> None:
    table = build(steps, ScheduleSettings())
    assert np.all(np.diff(table.sigmas) < 0)
    assert table.sigmas[-1] == 0
    last = [float(column[-1]) for column in (table.a, table.b, table.c, table.d)]
    assert last == [0.0, 1.0, 0.0, 0.0]


def test_no_steps_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        make_schedule("cosine_dpm", 0, ScheduleSettings())


def test_the_sde_keeps_the_variance_of_pure_noise() -> None:
    # Without a signal (x0 = 0) the latents must stay noise of the schedule's own level.
    table = cosine_dpm(50, ScheduleSettings())
    variance = table.initial_scale**2
    for i in range(49):
        variance = table.a[i] ** 2 * variance + table.d[i] ** 2
    assert variance**0.5 == pytest.approx(table.sigmas[49], rel=0.02)


def test_ping_pong_starts_at_pure_noise() -> None:
    assert rectified_flow(8, ScheduleSettings()).sigmas[0] == 1.0
