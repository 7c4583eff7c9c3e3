"""Noise schedules and solvers as a table of four scalars a step.

With a transformer that returns the denoised latents x0, every sampler here is
``x' = a * x + b * x0 + c * x0_previous + d * noise``.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tritone.card import ScheduleSettings
from tritone.families.family import ScheduleKind

_FEW_STEPS = 15  # diffusers: below this the last solver step is of first order


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """One sampler for one number of steps. Arrays are float64 [steps], sigmas [steps + 1]."""

    sigmas: NDArray[np.float64]  # noise levels, descending, the last is 0
    a: NDArray[np.float64]  # of the noisy latents
    b: NDArray[np.float64]  # of the denoised latents
    c: NDArray[np.float64]  # of the denoised latents one step earlier
    d: NDArray[np.float64]  # of fresh noise
    initial_scale: float  # standard deviation of the first latents

    @property
    def steps(self) -> int:
        """Number of transformer calls."""
        return len(self.a)


def cosine_dpm(steps: int, settings: ScheduleSettings) -> Schedule:
    """Return DPM-Solver++ (2M, midpoint) over exponential sigmas; eta 1: the SDE, eta 0: the ODE.

    Source: diffusers 0.42.1, `CosineDPMSolverMultistepScheduler` (eta 1); Lu et al. 2022,
    "DPM-Solver++", arXiv 2211.01095, equations for the data prediction model.
    """
    eta = settings.eta
    levels = np.linspace(math.log(settings.sigma_max), math.log(settings.sigma_min), steps)
    sigmas = np.append(np.exp(levels), 0.0)
    a, b, c, d = np.zeros((4, steps))
    b[-1] = 1.0  # to sigma 0: x' = x0
    for i in range(steps - 1):
        h = math.log(sigmas[i] / sigmas[i + 1])
        weight = -math.expm1(-(1.0 + eta) * h)
        a[i] = sigmas[i + 1] / sigmas[i] * math.exp(-eta * h)
        b[i] = weight
        d[i] = sigmas[i + 1] * math.sqrt(-math.expm1(-2.0 * eta * h))
        if i > 0:
            ratio = math.log(sigmas[i - 1] / sigmas[i]) / h
            correction = 0.5 * weight / ratio
            b[i] += correction
            c[i] = -correction
    return Schedule(sigmas, a, b, c, d, initial_scale=math.sqrt(sigmas[0] ** 2 + 1.0))


def rectified_flow(steps: int, settings: ScheduleSettings) -> Schedule:
    """Return rectified flow over log-SNR spaced sigmas: ping-pong if stochastic, else Euler.

    Source: diffusers 0.42.1, `logsnr_sigma_schedule` and `FlowMatchEulerDiscreteScheduler`.
    """
    grid = np.linspace(1.0, 0.0, steps + 1)[:-1]
    logsnr = settings.logsnr_max - grid * (settings.logsnr_max - settings.logsnr_min)
    levels = 1.0 / (1.0 + np.exp(logsnr))
    levels[0] = 1.0
    sigmas = np.append(_shift(levels, settings.shift), 0.0)
    zero = np.zeros(steps)
    if settings.stochastic:
        return Schedule(sigmas, zero, 1.0 - sigmas[1:], zero, sigmas[1:].copy(), initial_scale=1.0)
    return _euler(sigmas)


def shifted_flow(steps: int, settings: ScheduleSettings) -> Schedule:
    """Return rectified flow in Euler steps over evenly spaced, then shifted sigmas.

    Source: diffusers 0.42.1, `AceStepPipeline._get_timestep_schedule`.
    """
    return _euler(_shift(np.linspace(1.0, 0.0, steps + 1), settings.shift))


def _shift(levels: NDArray[np.float64], shift: float) -> NDArray[np.float64]:
    return shift * levels / (1.0 + (shift - 1.0) * levels)


def _euler(sigmas: NDArray[np.float64]) -> Schedule:
    ratio = sigmas[1:] / sigmas[:-1]
    zero = np.zeros(len(ratio))
    return Schedule(sigmas, ratio, 1.0 - ratio, zero, zero, initial_scale=1.0)


SCHEDULES: dict[ScheduleKind, Callable[[int, ScheduleSettings], Schedule]] = {
    "cosine_dpm": cosine_dpm,
    "rectified_flow": rectified_flow,
    "shifted_flow": shifted_flow,
}


@lru_cache(maxsize=256)
def make_schedule(kind: ScheduleKind, steps: int, settings: ScheduleSettings) -> Schedule:
    """Return the table for a number of steps; cached, because most requests share a few.

    Raises:
        ValueError: fewer than one step.
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, not {steps}")
    return SCHEDULES[kind](steps, settings)


def find_guided_steps(table: Schedule, settings: ScheduleSettings) -> NDArray[np.bool_]:
    """Return for each step whether it is guided: bool [steps]."""
    sigmas = table.sigmas[:-1]
    highest = np.inf if settings.guidance_max_sigma is None else settings.guidance_max_sigma
    return np.asarray((sigmas >= settings.guidance_min_sigma) & (sigmas <= highest))
