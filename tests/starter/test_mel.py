"""Latents: shapes, packing, and where a sound lies in time and frequency."""

import numpy as np

from starter.latents import Statistics
from starter.mel import log_mel, pack, silence, unpack
from starter.recipe import RECIPE

LATENT = RECIPE.latent


def test_packing_is_undone_exactly() -> None:
    mel = np.random.default_rng(0).normal(size=(50, LATENT.mel_bands)).astype(np.float32)
    packed = pack(mel, LATENT)
    assert packed.shape == (25, LATENT.mel_channels)
    assert np.array_equal(unpack(packed, LATENT), mel)


def test_normalisation_is_undone() -> None:
    draw = np.random.default_rng(1)
    mean, deviation = (draw.uniform(1, 2, LATENT.mel_channels).astype(np.float32) for _ in "ab")
    measured = Statistics(mean, deviation)
    packed = draw.normal(size=(7, LATENT.mel_channels)).astype(np.float32)
    assert np.allclose(measured.restored(measured.normalised(packed)), packed, atol=1e-5)


def test_a_second_has_fifty_frames_and_silence_is_the_floor() -> None:
    mel = log_mel(np.zeros(RECIPE.audio.sample_rate_hz), LATENT)
    assert mel.shape == (50, LATENT.mel_bands)
    assert np.allclose(mel, silence(LATENT))


def test_an_incomplete_latent_frame_is_completed() -> None:
    assert len(log_mel(np.zeros(LATENT.hop_samples + 1), LATENT)) == 2 * LATENT.frames_per_latent


def test_a_click_lights_the_frame_it_falls_into() -> None:
    wave = np.zeros(RECIPE.audio.sample_rate_hz)
    hop = LATENT.hop_samples // LATENT.frames_per_latent
    wave[20 * hop + hop // 2] = 1.0
    assert int(log_mel(wave, LATENT).mean(1).argmax()) == 20


def test_higher_tones_light_higher_bands() -> None:
    t = np.arange(RECIPE.audio.sample_rate_hz) / RECIPE.audio.sample_rate_hz
    tones_hz = (100, 400, 1000, 3000, 6000)
    bands = [int(log_mel(np.sin(2 * np.pi * f * t), LATENT)[25].argmax()) for f in tones_hz]
    assert bands == sorted(set(bands))
