"""Spectral distances between waves, in torch, for the vocoder's training."""

import torch
from torch import Tensor

from starter.mel import filters
from starter.recipe import LatentFormat

WINDOWS = (2048, 1024, 512, 256, 128)  # samples
FLOOR = 3e-4


def spectrum(wave: Tensor, window_samples: int, hop_samples: int) -> Tensor:
    """Amplitudes [rows, bins, frames] of waves [rows, samples]; a full-scale sine has 0.5."""
    window = torch.hann_window(window_samples)
    parts = torch.stft(
        wave, window_samples, hop_samples, window=window, center=False, return_complex=True
    )
    return parts.abs() / window.sum()


def distance(one: Tensor, other: Tensor, level: Tensor) -> Tensor:
    """Multi-resolution spectrogram distance of two lists of spectra, mean over rows.

    Amplitude part: mean absolute difference relative to ``level`` [rows]. Logarithmic part: root
    mean square over the bins of each frame. Both are metrics, as the energy distance needs.
    """
    amplitude = ((one - other).abs().mean((1, 2)) / level).mean()
    logs = (torch.log(one + FLOOR) - torch.log(other + FLOOR)).square().mean(1)
    return amplitude + (logs + 1e-6).sqrt().mean()


def energy_distance(made: tuple[Tensor, Tensor], target: Tensor) -> Tensor:
    """Energy distance of two independent renderings to one recording, waves [rows, samples].

    ``d(a, x) + d(b, x) - d(a, b)`` (Gritsenko et al., 2020, arXiv:2008.01160): the last term
    rewards renderings that differ from each other as much as real recordings do, so noise stays
    noise instead of becoming its dull average.
    """
    total = target.new_zeros(())
    for window in WINDOWS:
        real, one, other = (spectrum(w, window, window // 4) for w in (target, *made))
        level = real.mean((1, 2)) + FLOOR
        total = (
            total
            + distance(one, real, level)
            + distance(other, real, level)
            - distance(one, other, level)
        )
    return total / len(WINDOWS)


def mel_difference(made: Tensor, target: Tensor, latent: LatentFormat) -> Tensor:
    """Mean absolute difference of log-mel spectra.

    The rendering must have the latents it was made from.
    """
    bank = torch.from_numpy(filters(latent))
    hop = latent.hop_samples // latent.frames_per_latent
    one, other = (
        torch.log(bank @ spectrum(w, latent.window_samples, hop) + latent.floor_amplitude)
        for w in (made, target)
    )
    return (one - other).abs().mean()
