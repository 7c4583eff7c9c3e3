import numpy as np
import pytest

from tritone.pcm import Pcm, close_loop, crossfade, limit_peak, stitch, to_float, to_int16

RATE = 16000


def tone(seconds: float, hertz: float = 440.0, amplitude: float = 0.5) -> Pcm:
    t = np.arange(int(seconds * RATE)) / RATE
    return to_int16(amplitude * np.sin(2 * np.pi * hertz * t)[None, :])


def noise(seconds: float, seed: int = 0) -> Pcm:
    return to_int16(0.2 * np.random.default_rng(seed).standard_normal((2, int(seconds * RATE))))


def power(pcm: Pcm) -> float:
    return float(np.mean(to_float(pcm) ** 2))


def test_over_range_clips_and_never_wraps() -> None:
    assert to_int16(np.array([[2.0, -3.0, 1.0, -1.0, 0.0]])).tolist() == [
        [32767, -32767, 32767, -32767, 0]
    ]


def test_a_sound_that_is_too_loud_is_scaled_down_as_a_whole() -> None:
    loud, fine = np.array([[0.5, -2.0], [1.0, 0.0]]), np.array([[0.5, -1.0], [0.1, 0.0]])
    made = limit_peak(np.stack([loud, fine]))
    assert np.array_equal(made[0], loud / 2)
    assert np.array_equal(made[1], fine)


def test_int16_and_back_is_within_half_a_step() -> None:
    wave = np.linspace(-1, 1, 1001, dtype=np.float32)[None]
    assert np.abs(to_float(to_int16(wave)) - wave).max() <= 0.5 / 32767 + 1e-7


def test_a_crossfade_keeps_the_power_of_unlike_sounds() -> None:
    left, right = noise(1.0, 1), noise(1.0, 2)
    mixed = crossfade(left, right, RATE // 2)
    assert mixed.shape == (2, 2 * RATE - RATE // 2)
    middle = mixed[:, RATE // 2 : RATE]
    assert power(middle) == pytest.approx(power(left), rel=0.05)


def test_a_seamless_clip_continues_into_itself() -> None:
    clip = noise(2.0)
    loop = close_loop(clip, 800)
    assert loop.shape[-1] == clip.shape[-1] - 800
    # the last sample is followed by what followed it in the original
    original_next = clip[:, -800]
    assert np.abs(loop[:, 0].astype(int) - original_next.astype(int)).max() < 64


def test_a_clip_too_short_to_fade_is_left_alone() -> None:
    assert close_loop(noise(1 / RATE), 800).shape[-1] == 1


def test_stitching_goes_round_the_clips_to_the_exact_length() -> None:
    clips = [tone(1.0, 440), tone(1.0, 880)]
    sound = stitch(clips, 5 * RATE, RATE // 10)
    assert sound.shape == (1, 5 * RATE)
    assert power(sound[:, -RATE // 2 :]) > 0.01


def test_clips_no_longer_than_the_fade_cannot_be_stitched() -> None:
    with pytest.raises(ValueError, match="longer than the fade"):
        stitch([tone(0.1)], RATE, RATE)
