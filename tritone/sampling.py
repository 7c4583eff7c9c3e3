"""The sampling state of one request, and its update between two transformer calls."""

import numpy as np
from numpy.typing import NDArray

from tritone.card import ModelCard
from tritone.noise import INITIAL_STREAM, draw_gaussian
from tritone.schedules import find_guided_steps, make_schedule
from tritone.tensors import list_carried

Latents = NDArray[np.float32]

NO_GUIDANCE = 1.0
"""Up to this scale a step follows the prompt alone, and needs no second row for its absence."""


class Trajectory:
    """One request on its way from noise to latents. Not thread-safe: one thread owns it."""

    def __init__(self, card: ModelCard, *, seed: int, steps: int, latent_frames: int) -> None:
        """Start at noise of `seed`: latents float32 [latent_channels, latent_frames]."""
        self.schedule = make_schedule(card.spec.schedule, steps, card.schedule)
        self.seed = seed
        self.noise = card.noise
        self.step = 0
        shape = (card.latent_channels, latent_frames)
        start = draw_gaussian(card.noise, seed, INITIAL_STREAM, shape)
        self.latents: Latents = start * np.float32(self.schedule.initial_scale)
        self._previous: Latents | None = None
        self._is_guided = find_guided_steps(self.schedule, card.schedule)
        # By the transformer's input: what its last guided step handed on.
        self.carried: dict[str, Latents] = {
            spec.name: np.zeros([latent_frames if d < 0 else d for d in spec.dims], np.float32)
            for spec in list_carried(card)
        }

    @property
    def sigma(self) -> float:
        """The noise level of the latents."""
        return float(self.schedule.sigmas[self.step])

    def guidance_scale(self, asked: float) -> float:
        """Return the scale of the step at hand: `asked`, or 1 where the model guides no step."""
        return asked if self._is_guided[self.step] else NO_GUIDANCE

    def count_guided_left(self, asked: float) -> int:
        """Return how many of the remaining steps are guided with a scale of `asked`."""
        return int(self._is_guided[self.step :].sum()) if asked > NO_GUIDANCE else 0

    @property
    def is_done(self) -> bool:
        """Whether no transformer call is left."""
        return self.step >= self.schedule.steps

    @property
    def adds_noise(self) -> bool:
        """Whether the step at hand adds fresh noise."""
        return self.adds_noise_at(self.step)

    def adds_noise_at(self, step: int) -> bool:
        """Return whether a step adds fresh noise; one past the last adds none."""
        return step < self.schedule.steps and bool(self.schedule.d[step])

    def draw_noise(self, step: int | None = None) -> Latents | None:
        """Return the noise that a step, by default the one at hand, adds; None: it adds none.

        It does not depend on the transformer's answer, so it can be drawn while that is computed.
        """
        step = self.step if step is None else step
        if not self.adds_noise_at(step):
            return None
        channels, frames = self.latents.shape
        return draw_gaussian(self.noise, self.seed, 1 + step, (channels, frames))

    def advance(self, denoised: Latents, noise: Latents | None = None) -> None:
        """Take one step with the transformer's answer: float32 [latent_channels, latent_frames].

        `noise` is that of `draw_noise`, or another one (parity tests against diffusers).
        """
        table, i = self.schedule, self.step
        # float64 scalars would promote the arrays: the update is float32, like the networks.
        latents = np.float32(table.a[i]) * self.latents + np.float32(table.b[i]) * denoised
        if table.c[i] and self._previous is not None:
            latents += np.float32(table.c[i]) * self._previous
        noise = self.draw_noise() if noise is None else noise
        if noise is not None:
            latents += np.float32(table.d[i]) * noise
        self.latents, self._previous = latents, denoised
        self.step += 1

    @property
    def scalars(self) -> tuple[float, float, float, float]:
        """The solver's scalars a, b, c and d of the step at hand, as in `schedules`."""
        table, i = self.schedule, self.step
        return table.a[i], table.b[i], table.c[i], table.d[i]

    @property
    def state(self) -> NDArray[np.float32]:
        """What a step changes: float32 [2, latent_channels, latent_frames], to step elsewhere."""
        none = np.zeros_like(self.latents)
        return np.stack([self.latents, none if self._previous is None else self._previous])

    def set_state(self, state: NDArray[np.float32]) -> None:
        """Take back what was stepped elsewhere."""
        self.latents, self._previous = state

    def count_step(self) -> None:
        """Count a step that was taken elsewhere."""
        self.step += 1
