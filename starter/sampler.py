"""A plain sampler for the finished networks.

Deterministic DPM-Solver++(2M) with classifier-free guidance.

The serving side has its own; this one belongs to training and evaluation and needs nothing but
torch.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from starter.networks import Condition, Denoiser
from starter.recipe import NoiseSchedule


@dataclass(frozen=True)
class Settings:
    """How to sample."""

    steps: int = 20
    guidance: float = 2.0


def sigmas(schedule: NoiseSchedule, steps: int) -> Tensor:
    """The exponential levels of ``CosineDPMSolverMultistepScheduler``, then zero: [steps + 1]."""
    low, high = (torch.tensor(s).log().item() for s in (schedule.sigma_min, schedule.sigma_max))
    return torch.cat([torch.linspace(high, low, steps).exp(), torch.zeros(1)])


def starting_noise(seeds: list[int], channels: int, frames: int) -> Tensor:
    """Unit noise [rows, channels, frames], each row from its own seed."""
    rows = [
        torch.randn(channels, frames, generator=torch.Generator().manual_seed(seed))
        for seed in seeds
    ]
    return torch.stack(rows)


@torch.no_grad()
def sample(
    denoiser: Denoiser, condition: Condition, noise: Tensor, run: tuple[NoiseSchedule, Settings]
) -> Tensor:
    """Latents [rows, channels, frames] for the condition, from unit noise of the same shape."""
    schedule, settings = run
    encoded = _with_unconditional(denoiser.encode(condition), settings)
    levels = sigmas(schedule, settings.steps)
    x = noise * float((schedule.sigma_max**2 + 1) ** 0.5)
    previous: Tensor | None = None
    for index in range(settings.steps):
        clean = _denoised(denoiser, x, float(levels[index]), (encoded, settings.guidance))
        if index == settings.steps - 1:
            return clean
        step = float(torch.log(levels[index] / levels[index + 1]))
        direction = clean
        if previous is not None:
            before = float(torch.log(levels[index - 1] / levels[index]))
            direction = clean + (clean - previous) * (step / before / 2)
        x = (
            x * float(levels[index + 1] / levels[index])
            - float(torch.expm1(torch.tensor(-step))) * direction
        )
        previous = clean
    return x


def _with_unconditional(
    encoded: tuple[Tensor, Tensor], settings: Settings
) -> tuple[Tensor, Tensor]:
    """Append rows without text; the global embedding stays, as in the diffusers pipeline."""
    cross, pooled = encoded
    if settings.guidance <= 1:
        return encoded
    return torch.cat([cross, torch.zeros_like(cross)]), torch.cat([pooled, pooled])


def _denoised(
    denoiser: Denoiser, x: Tensor, sigma: float, guided: tuple[tuple[Tensor, Tensor], float]
) -> Tensor:
    """The estimate of the clean latents at one noise level."""
    encoded, guidance = guided
    rows, scale = len(x), (sigma**2 + 1) ** 0.5
    scaled = (x / scale).repeat(len(encoded[0]) // rows, 1, 1)
    angle = torch.full((len(scaled),), float(torch.atan(torch.tensor(sigma))))
    velocity = denoiser.velocity(scaled, angle, encoded)
    if len(velocity) > rows:
        text, without = velocity[:rows], velocity[rows:]
        velocity = without + guidance * (text - without)
    clean: Tensor = x / scale**2 - velocity * (sigma / scale)
    return clean
