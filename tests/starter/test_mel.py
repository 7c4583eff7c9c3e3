"""Latents: shapes, packing, and where a sound lies in time and frequency."""

import numpy as np

from starter.latents import measure
from starter.mel import log_mel, pack, silence, unpack
from starter.recipe import RECIPE

LATENT = RECIPE.latent


def test_packing_is_undone_exactly() -> None:
    mel = np.random.default_rng(0).normal(size=(48, LATENT.mel_bands)).astype(np.float32)
    packed = pack(mel, LATENT)
    assert packed.shape == (12, LATENT.packed_values)
    assert np.array_equal(unpack(packed, LATENT), mel)


def test_components_keep_what_they_hold_and_have_the_wanted_variances() -> None:
    draw = np.random.default_rng(1)
    mixing = draw.normal(size=(LATENT.mel_channels, LATENT.packed_values))
    packed = (draw.normal(size=(2000, LATENT.mel_channels)) @ mixing).astype(np.float32) + 3
    measured = measure(packed, LATENT)
    channels = measured.normalise(packed)
    assert channels.shape == (2000, LATENT.mel_channels)
    # not to the last digit: stacked frames share a mean, and those drawn here differ a little
    assert np.abs(measured.restore(channels) - packed).mean() < 0.02 * packed.std()
    variances = channels.var(0)
    assert np.isclose(variances.mean(), 1.0, rtol=1e-3)
    assert (np.diff(variances) <= 1e-3).all()  # the coarsest first


def test_two_seconds_have_a_hundred_frames_and_silence_is_the_floor() -> None:
    mel = log_mel(np.zeros(2 * RECIPE.audio.sample_rate_hz), LATENT)
    assert mel.shape == (100, LATENT.mel_bands)
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
