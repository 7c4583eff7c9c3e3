"""The sampling state of one request, and its update between two transformer calls."""

import numpy as np
from numpy.typing import NDArray

from tritone.card import ModelCard
from tritone.noise import INITIAL_STREAM, gaussian
from tritone.schedules import schedule

Latents = NDArray[np.float32]


class Trajectory:
    """One request on its way from noise to latents. Not thread-safe: one thread owns it."""

    def __init__(self, card: ModelCard, *, seed: int, steps: int, latent_frames: int) -> None:
        """Start at noise of `seed`: latents float32 [latent_channels, latent_frames]."""
        self.schedule = schedule(card.spec.schedule, steps, card.schedule)
        self.seed = seed
        self.step = 0
        start = gaussian(seed, INITIAL_STREAM, (card.latent_channels, latent_frames))
        self.latents: Latents = start * np.float32(self.schedule.initial_scale)
        self._previous: Latents | None = None

    @property
    def sigma(self) -> float:
        """The noise level of the latents."""
        return float(self.schedule.sigmas[self.step])

    @property
    def is_done(self) -> bool:
        """No transformer call is left."""
        return self.step >= self.schedule.steps

    def advance(self, denoised: Latents, noise: Latents | None = None) -> None:
        """Take one step with the transformer's answer: float32 [latent_channels, latent_frames].

        `noise` replaces the request's own noise of this step (parity tests against diffusers).
        """
        table, i = self.schedule, self.step
        # float64 scalars would promote the arrays: the update is float32, like the networks.
        latents = np.float32(table.a[i]) * self.latents + np.float32(table.b[i]) * denoised
        if table.c[i] and self._previous is not None:
            latents += np.float32(table.c[i]) * self._previous
        if table.d[i]:
            if noise is None:
                noise = gaussian(self.seed, 1 + i, self.latents.shape)
            latents += np.float32(table.d[i]) * noise
        self.latents, self._previous = latents, denoised
        self.step += 1
