"""Sampling with the torch networks as the server does it: its noise, its schedule, its arithmetic.

So what an evaluation hears is what the served model plays for the same prompt and seed.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from tritone.card import ScheduleSettings
from tritone.noise import INITIAL_STREAM, SEQUENCE, draw_gaussian
from tritone.schedules import cosine_dpm, find_guided_steps

from starter.networks import Condition, Denoiser
from starter.recipe import NoiseSchedule

ETA = 0.0  # the deterministic solver: few steps are enough


@dataclass(frozen=True)
class Settings:
    """How to sample."""

    steps: int = 20
    guidance: float = 2.0
    guidance_min_sigma: float = 0.0  # steps at other noise levels are not guided
    guidance_max_sigma: float | None = None

    def schedule(self, levels: NoiseSchedule) -> ScheduleSettings:
        """What the served model's card says of it."""
        return ScheduleSettings(
            sigma_min=levels.sigma_min,
            sigma_max=levels.sigma_max,
            eta=ETA,
            guidance_min_sigma=self.guidance_min_sigma,
            guidance_max_sigma=self.guidance_max_sigma,
        )

    def rows(self, levels: NoiseSchedule) -> int:
        """How many rows the transformer computes for a sound: two at a guided step."""
        kept = self.schedule(levels)
        guided = find_guided_steps(cosine_dpm(self.steps, kept), kept)
        return self.steps + (int(guided.sum()) if self.guidance > 1 else 0)


def starting_noise(seeds: list[int], channels: int, frames: int) -> Tensor:
    """Unit noise [rows, channels, frames], each row from its own seed.

    In sequence, as the bundled model's card has it.
    """
    shape = (channels, frames)
    rows = [draw_gaussian(SEQUENCE, seed, INITIAL_STREAM, shape) for seed in seeds]
    return torch.from_numpy(np.stack(rows))


@torch.no_grad()
def sample(
    denoiser: Denoiser, condition: Condition, noise: Tensor, run: tuple[NoiseSchedule, Settings]
) -> Tensor:
    """Latents [rows, channels, frames] for the condition, from unit noise of the same shape."""
    levels, settings = run
    kept = settings.schedule(levels)
    table = cosine_dpm(settings.steps, kept)
    encoded = denoiser.encode(condition)
    both = _with_unconditional(encoded, settings)
    guided = find_guided_steps(table, kept)
    x, previous = noise * table.initial_scale, torch.zeros_like(noise)
    for i, (sigma, a, b, c) in enumerate(
        zip(table.sigmas, table.a, table.b, table.c, strict=False)
    ):
        texts = both if guided[i] else encoded
        clean = denoise(denoiser, x, float(sigma), (texts, settings.guidance))
        x, previous = a * x + b * clean + c * previous, clean
    return x


def _with_unconditional(
    encoded: tuple[Tensor, Tensor], settings: Settings
) -> tuple[Tensor, Tensor]:
    """Append rows without text; the global embedding stays, as in the diffusers pipeline."""
    cross, pooled = encoded
    if settings.guidance <= 1:
        return encoded
    return torch.cat([cross, torch.zeros_like(cross)]), torch.cat([pooled, pooled])


def denoise(
    denoiser: Denoiser, x: Tensor, sigma: float, guided: tuple[tuple[Tensor, Tensor], float]
) -> Tensor:
    """The estimate of the clean latents at one noise level."""
    encoded, guidance = guided
    rows, scale = len(x), (sigma**2 + 1) ** 0.5
    scaled = (x / scale).repeat(len(encoded[0]) // rows, 1, 1)
    angle = torch.full((len(scaled),), float(np.arctan(sigma)))
    velocity = denoiser.velocity(scaled, angle, encoded)
    if len(velocity) > rows:
        text, without = velocity[:rows], velocity[rows:]
        velocity = without + guidance * (text - without)
    clean: Tensor = x / scale**2 - velocity * (sigma / scale)
    return clean
