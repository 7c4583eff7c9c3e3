"""Figures about sets of sounds.

Distances between spectra, loudness, silence, and where a sound ends.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import sqrtm

from starter.mel import Floats
from starter.recipe import AUDIO

SILENT_DBFS = -55.0
CLIPPED = 0.999
DISTORTED = 0.002  # share of clipped samples that can be heard


def frechet_distance(one: list[Floats], other: list[Floats]) -> float:
    """Fréchet distance of two sets of log-mel frames, in square nats.

    Each set is taken as one Gaussian over the bands.
    """
    (mean_a, cov_a), (mean_b, cov_b) = (_gaussian(s) for s in (one, other))
    cross = np.real(sqrtm(cov_a @ cov_b))
    return float(np.sum((mean_a - mean_b) ** 2) + np.trace(cov_a + cov_b - 2 * cross))


def _gaussian(log_mels: list[Floats]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    frames = np.concatenate(log_mels).astype(np.float64)
    return frames.mean(0), np.cov(frames.T) + 1e-4 * np.eye(frames.shape[1])


def level_dbfs(wave: Floats) -> float:
    """Root mean square of a wave in dB relative to full scale."""
    return float(20 * np.log10(np.sqrt(np.mean(np.square(wave))) + 1e-9))


def is_silent(wave: Floats) -> bool:
    """Nothing to hear."""
    return level_dbfs(wave) < SILENT_DBFS


def is_sound(wave: Floats) -> bool:
    """Something to hear, and not distorted."""
    return not is_silent(wave) and clipped_share(wave) < DISTORTED


def clipped_share(wave: Floats) -> float:
    """Share of samples at or beyond full scale."""
    return float(np.mean(np.abs(wave) >= CLIPPED))


def tail_db(wave: Floats, seconds: float) -> float:
    """Level after ``seconds`` relative to the level before, in dB; a tenth of a second may fade."""
    end = round(seconds * AUDIO.sample_rate_hz)
    after = wave[end + AUDIO.sample_rate_hz // 10 :]
    return level_dbfs(after) - level_dbfs(wave[:end])


def mean_difference(one: Floats, other: Floats) -> float:
    """Mean absolute difference of two spectrograms of one shape, in nats."""
    return float(np.mean(np.abs(one - other)))
