"""Arithmetic on samples: int16 [audio_channels, samples], as the decoder delivers them."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.int16]

FULL_SCALE = 32767
PEAK = 10.0 ** (-1.0 / 20.0)
"""-1 dBFS, to which families scale their sounds whose authors do."""
LEAST_PEAK = 1e-6
"""What is not louder stays nearly silent."""
SILENCE_DBFS = -60.0
"""RMS level below which nobody hears anything."""


def limit_peak(waveform: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Return float [..., channels, samples], each sound that exceeds [-1, 1] scaled down to it.

    Guidance makes some sounds too loud; clipping would distort them. Decoders end with the same.
    """
    peak = np.abs(waveform).max(axis=(-2, -1), keepdims=True)
    scaled: NDArray[np.floating[Any]] = waveform / np.maximum(peak, 1.0)
    return scaled


def to_peak(waveform: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Return float [..., channels, samples], each sound scaled to a peak of -1 dBFS."""
    peak = np.abs(waveform).max(axis=(-2, -1), keepdims=True)
    scaled: NDArray[np.floating[Any]] = waveform * (PEAK / np.maximum(peak, LEAST_PEAK))
    return scaled


def to_int16(waveform: NDArray[np.floating[Any]]) -> Pcm:
    """Return float [..., samples] in [-1, 1] as int16; over-range is clipped, never wrapped."""
    pcm: Pcm = np.rint(np.clip(waveform, -1.0, 1.0) * FULL_SCALE).astype(np.int16)
    return pcm


def narrow(samples: NDArray[Any]) -> NDArray[Any]:
    """Return samples as int16 where they are int32, as a decoder on TensorRT gives them.

    TensorRT has no int16; the values are the same ones.
    """
    return samples.astype(np.int16) if samples.dtype == np.int32 else samples


def to_float(pcm: Pcm) -> NDArray[np.float32]:
    """Return int16 samples as float32 in [-1, 1]."""
    return pcm.astype(np.float32) / np.float32(FULL_SCALE)


def loudness_dbfs(pcm: Pcm) -> float:
    """Return the RMS level relative to full scale; minus infinity for digital silence."""
    rms = float(np.sqrt(np.mean(np.square(to_float(pcm), dtype=np.float64)))) if pcm.size else 0.0
    return 20 * math.log10(rms) if rms > 0 else -math.inf


def _fades(n_samples: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    # Equal power: the two sides of a crossfade are different sounds, so their powers add.
    angle = (np.arange(n_samples, dtype=np.float32) + 0.5) * np.float32(
        np.pi / 2 / max(1, n_samples)
    )
    return np.cos(angle), np.sin(angle)


def crossfade(left: Pcm, right: Pcm, fade_samples: int) -> Pcm:
    """Return `left` going over into `right`; the result is `fade_samples` shorter than both."""
    fade_samples = min(fade_samples, left.shape[-1], right.shape[-1])
    if fade_samples < 1:
        return np.concatenate([left, right], axis=-1)
    fade_out, fade_in = _fades(fade_samples)
    mixed = (
        to_float(left[:, -fade_samples:]) * fade_out + to_float(right[:, :fade_samples]) * fade_in
    )
    return np.concatenate(
        [left[:, :-fade_samples], to_int16(mixed), right[:, fade_samples:]], axis=-1
    )


def close_loop(pcm: Pcm, fade_samples: int) -> Pcm:
    """Return a clip that repeats without a seam: its tail is faded into its head.

    The result is `fade_samples` shorter; its last sample is followed smoothly by its first.
    """
    fade_samples = min(fade_samples, pcm.shape[-1] // 2)
    if fade_samples < 1:
        return pcm
    head, tail = pcm[:, :fade_samples], pcm[:, -fade_samples:]
    start = crossfade(tail, head, fade_samples)
    return np.concatenate([start, pcm[:, fade_samples:-fade_samples]], axis=-1)


def stitch(clips: list[Pcm], n_samples: int, fade_samples: int) -> Pcm:
    """Return `n_samples` made of the clips in turn, over and over, crossfaded at every seam.

    Raises:
        ValueError: a clip is not longer than the fade, so the sound would never grow.
    """
    if any(clip.shape[-1] <= fade_samples for clip in clips):
        raise ValueError("every clip must be longer than the fade")
    sound = clips[0]
    position = 1
    while sound.shape[-1] < n_samples:
        sound = crossfade(sound, clips[position % len(clips)], fade_samples)
        position += 1
    return sound[:, :n_samples]
