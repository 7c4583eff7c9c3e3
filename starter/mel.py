"""Log-mel frames and their packing into latents.

Plain numpy; the training losses use torch with the same filters.
"""

from functools import cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from starter.recipe import AUDIO, LatentFormat

Floats: TypeAlias = NDArray[np.float32]


@cache
def filters(latent: LatentFormat) -> Floats:
    """Triangular mel filters that average amplitudes, float32 [bands, bins of the spectrum]."""
    bins_hz = np.fft.rfftfreq(latent.window_samples, 1 / AUDIO.sample_rate_hz)
    ends = _mel(np.array([latent.lowest_hz, AUDIO.sample_rate_hz / 2]))
    edges_hz = 700 * (10 ** (np.linspace(ends[0], ends[1], latent.mel_bands + 2) / 2595) - 1)
    low, centre, high = edges_hz[:-2, None], edges_hz[1:-1, None], edges_hz[2:, None]
    shape = np.maximum(
        0, np.minimum((bins_hz - low) / (centre - low), (high - bins_hz) / (high - centre))
    )
    return np.asarray(shape / shape.sum(1, keepdims=True), dtype=np.float32)


def log_mel(wave: NDArray[Any], latent: LatentFormat) -> Floats:
    """Natural log of band amplitudes, float32 [frames, bands].

    The last latent frame is completed with silence.

    Frames are ``hop / frames_per_latent`` samples apart and centred in their own stretch of
    samples.
    """
    hop = latent.hop_samples // latent.frames_per_latent
    count = -(-len(wave) // latent.hop_samples) * latent.frames_per_latent
    margin = (latent.window_samples - hop) // 2
    padded = np.zeros(count * hop + 2 * margin, dtype=np.float32)
    padded[margin : margin + len(wave)] = wave
    frames = np.lib.stride_tricks.sliding_window_view(padded, latent.window_samples)[::hop]
    window = np.hanning(latent.window_samples + 1)[:-1].astype(np.float32)
    spectrum = np.abs(np.fft.rfft(frames * (window / window.sum()), axis=1)).astype(np.float32)
    return np.asarray(np.log(spectrum @ filters(latent).T + latent.floor_amplitude))


def pack(mel: Floats, latent: LatentFormat) -> Floats:
    """Stack mel frames [frames, bands] into one row a latent frame [latent frames, values]."""
    return mel.reshape(-1, latent.packed_values)


def unpack(packed: Floats, latent: LatentFormat) -> Floats:
    """Undo ``pack``."""
    return packed.reshape(-1, latent.mel_bands)


def silence(latent: LatentFormat) -> float:
    """The log-mel value of silence."""
    return float(np.log(latent.floor_amplitude))


def _mel(hertz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mel scale after O'Shaughnessy (1987), without the factor's unit."""
    return np.asarray(2595 * np.log10(1 + hertz / 700))
